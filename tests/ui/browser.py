"""Debian's chromium, and what it is asked about every page that it opens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The texts of a page that are too faint on what they stand on: WCAG's contrast, 4.5 for AA.
FAINT = """() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = parse(getComputedStyle(element).backgroundColor);
      if (colour.length < 4 || colour[3] > 0.99) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    const style = getComputedStyle(element);
    if (!text || element.offsetParent === null || element.closest(".hidden, .skip")) continue;
    const [a, b] = [light(parse(style.color)), light(ground(element))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faint.push(`${element.tagName} ${element.className}: ${contrast.toFixed(2)}`);
  }
  return faint;
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(slots=True)
class Watched:
    """A window, and what its console has complained about."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def faint(self) -> list[str]:
        """Texts with too little contrast."""
        found: list[str] = self.page.evaluate(FAINT)
        return found

    def is_wider_than_the_window(self) -> bool:
        """Whether one has to scroll sideways to read."""
        wider: int = self.page.evaluate(WIDER)
        return wider > 0


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(browser: Browser, base: str, width: int = 1280, **how: Any) -> Iterator[Watched]:
    """A window with cookies of its own; ``how`` goes to its context."""
    context: BrowserContext = browser.new_context(base_url=base, viewport={"width": width, "height": 800}, **how)
    context.set_default_timeout(10_000)
    watched = Watched(context.new_page())

    def told(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            watched.complaints.append(f"{message.location.get('url', '')}: {message.text}")

    watched.page.on("console", told)
    watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
    try:
        yield watched
    finally:
        context.close()
