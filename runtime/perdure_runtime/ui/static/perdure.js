// What makes the pages quicker to use. Everything works without it: it only follows links and sends forms sooner.

const LIVE_MS = 2000;
const root = document.documentElement;
root.classList.add("has-script");

const isTyping = (element) => element.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;

async function load(address, options = {}) {
  const answer = await fetch(address, { credentials: "same-origin", ...options });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}

// Makes an element like another one, and keeps what is the same: so focus, selection and what is open stay.
function become(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !isHeld(old, name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value && !isHeld(old, name)) old.setAttribute(name, value);
  }
  // Those that went go first: what stays is then never moved, as it would lose the focus by that.
  const ids = new Set([...fresh.children].map((child) => child.id));
  for (const child of [...old.children]) if (child.id && !ids.has(child.id)) child.remove();
  const keyed = new Map([...old.children].filter((child) => child.id).map((child) => [child.id, child]));
  let place = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    const same = next.id ? keyed.get(next.id) : likeness(place, next);
    if (!same) {
      old.insertBefore(document.importNode(next, true), place);
      continue;
    }
    if (same === place) place = place.nextSibling;
    else old.insertBefore(same, place);
    if (same.nodeType === Node.ELEMENT_NODE) become(same, next);
    else if (same.nodeValue !== next.nodeValue) same.nodeValue = next.nodeValue;
  }
  while (place) {
    const rest = place.nextSibling;
    place.remove();
    place = rest;
  }
}

// What the one who looks has changed, and no page is to change back.
const isHeld = (element, name) =>
  (element.tagName === "DETAILS" && name === "open") || (element.tagName === "TR" && (name === "tabindex" || name === "class"));

const likeness = (old, fresh) => (old && old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && !old.id ? old : null);

function becomeAll(page, selector) {
  for (const old of document.querySelectorAll(selector)) {
    const fresh = page.getElementById(old.id);
    if (fresh) become(old, fresh);
  }
}

// The parts of a page that show how something goes.
async function keepLive() {
  if (document.hidden || !document.querySelector("[data-live]")) return;
  try {
    becomeAll(await load(location.href), "[data-live]");
    root.classList.remove("is-stale");
    tellSelection();
  } catch (error) {
    // The node is away for a moment: the page stays as it was, and the next time may go better.
    root.classList.add("is-stale");
  }
}

function goOnLive() {
  setTimeout(async () => {
    await keepLive();
    goOnLive();
  }, LIVE_MS);
}

// Parts that take longer than the page come after it.
async function loadParts() {
  for (const part of document.querySelectorAll("[data-load]")) {
    try {
      const loaded = (await load(part.dataset.load)).getElementById(part.id);
      part.textContent = loaded ? loaded.textContent : "";
    } catch (error) {
      part.textContent = "";
    }
  }
}

// Work that goes on page by page, until there is no form to go on with.
async function goOn() {
  for (let form; (form = document.querySelector("form[data-continue]")); ) {
    if (root.dataset.stopped) return;
    // Not `form.action`: it has a field of that name.
    const page = await load(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(new FormData(form)) });
    const next = page.getElementById("progress");
    if (!next) {
      document.getElementById("main").replaceChildren(...page.getElementById("main").childNodes);
      return;
    }
    if (root.dataset.stopped) return;
    become(document.getElementById("progress"), next);
  }
}

const rows = () => [...document.querySelectorAll("tr[data-row]")];

function move(step) {
  const all = rows();
  if (!all.length) return;
  const here = all.indexOf(document.activeElement?.closest("tr[data-row]"));
  const next = all[Math.min(Math.max(here + step, 0), all.length - 1)];
  next.tabIndex = -1;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

function openRow(row) {
  const target = row.querySelector("[data-open], details > summary, a[href]");
  if (target) target.click();
}

function tick(row) {
  const box = row.querySelector("input[type=checkbox]");
  if (!box) return;
  box.checked = !box.checked;
  tellSelection();
}

function tellSelection() {
  const told = document.getElementById("selected");
  if (!told) return;
  const boxes = [...document.querySelectorAll("#bulk tbody input[type=checkbox]")];
  const count = boxes.filter((box) => box.checked).length;
  told.textContent = count ? `${count} selected` : "";
  const all = document.querySelector("[data-all]");
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

const PLACES = { o: "/ui/", i: "/ui/invocations", s: "/ui/services", d: "/ui/deployments", q: "/ui/sql" };
let goes = false;

function press(event) {
  const element = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && element.matches("[data-run]")) {
    element.form.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && isTyping(element)) element.blur();
  if (isTyping(element) || document.querySelector("dialog[open]")) return;
  if (goes && PLACES[event.key]) location.href = PLACES[event.key];
  goes = event.key === "g";
  const row = element.closest("tr[data-row]");
  if (event.key === "/") {
    const filter = document.querySelector("[data-filter]");
    if (!filter) return;
    filter.focus();
    if (filter.tagName === "INPUT") filter.select();
  } else if (event.key === "j") move(1);
  else if (event.key === "k") move(-1);
  else if (event.key === "x" && row) tick(row);
  else if (event.key === "Enter" && element === row) openRow(row);
  else if (event.key === "?") document.getElementById("keys").showModal();
  else return;
  event.preventDefault();
}

function click(event) {
  const add = event.target.closest("[data-add]");
  if (add) addItem(add.closest("fieldset"));
  if (event.target.closest("[data-stop]")) root.dataset.stopped = "yes";
}

// One more item of a list: its fields are named by its number.
function addItem(list) {
  const items = list.querySelector(":scope > [data-items]");
  const number = items.children.length;
  const item = list.querySelector(":scope > template").content.cloneNode(true);
  rename(item, `${list.dataset.path}.__n__`, `${list.dataset.path}.${number}`);
  const label = item.querySelector("label, legend");
  const text = [...label.childNodes].find((node) => node.nodeType === Node.TEXT_NODE);
  text.nodeValue = text.nodeValue.replace(/\+\s*$/, number + 1);
  items.append(item);
  items.lastElementChild.querySelector("input, select, textarea")?.focus();
}

// Within it too: a list in a list has a blank of its own.
function rename(item, from, to) {
  for (const element of item.querySelectorAll("*")) {
    if (element.name?.startsWith(from)) element.name = to + element.name.slice(from.length);
    if (element.dataset.path?.startsWith(from)) element.dataset.path = to + element.dataset.path.slice(from.length);
    if (element.content) rename(element.content, from, to);
  }
}

function change(event) {
  const element = event.target;
  if (element.id === "theme-choice") element.form.requestSubmit();
  else if (element.matches("[data-all]")) {
    for (const box of document.querySelectorAll("#bulk tbody input[type=checkbox]")) box.checked = element.checked;
    tellSelection();
  } else if (element.closest("[data-submit-on-change]")) element.form.requestSubmit();
  else if (element.matches("#bulk tbody input")) tellSelection();
}

document.addEventListener("keydown", press);
document.addEventListener("click", click);
document.addEventListener("change", change);
document.addEventListener("visibilitychange", keepLive);
goOnLive();
loadParts();
goOn();
