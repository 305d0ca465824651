"""Somebody who visits the pages without a script: asks, fills in forms, and reads what comes back."""

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette
from starlette.types import Message

HOST = "localhost:9070"


@dataclass(frozen=True, slots=True)
class Page:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    html: str
    cookies: Sequence[str]

    @property
    def words(self) -> str:
        """What a person reads, in one line."""
        return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", self.html.replace("<wbr>", ""))).split())

    @property
    def to(self) -> str:
        """Where it sends the browser on to."""
        return self.headers["location"]


@dataclass(slots=True)
class Visitor:
    """A browser with its cookies; ``site`` is where it says that its forms come from."""

    app: Starlette
    cookies: dict[str, str] = field(default_factory=dict)
    site: Mapping[str, str] = field(default_factory=lambda: {"origin": f"http://{HOST}"})

    async def get(self, address: str) -> Page:
        """Opens a page."""
        return await self._ask("GET", address, b"", {})

    async def post(self, address: str, fields: Sequence[tuple[str, str]] | Mapping[str, str] = ()) -> Page:
        """Sends a form."""
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self._ask("POST", address, urlencode(fields).encode(), {**kind, **self.site})

    async def _ask(self, method: str, address: str, body: bytes, headers: Mapping[str, str]) -> Page:
        parts = urlsplit(address)
        named = {
            "host": HOST,
            "cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            **headers,
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in named.items()],
            "server": ("localhost", 9070),
            "client": ("127.0.0.1", 1),
        }
        sent: list[Message] = []
        incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return self._page(sent)

    def _page(self, sent: Sequence[Message]) -> Page:
        start: Any = sent[0]
        pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
        cookies = [value for name, value in pairs if name == "set-cookie"]
        for cookie in cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value.strip('"')
            if "max-age=0" in cookie.lower():
                del self.cookies[name]
        text = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return Page(start["status"], dict(pairs), text, cookies)
