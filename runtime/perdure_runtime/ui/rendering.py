"""The templates, and the few things that they can say by themselves: times, numbers, JSON."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from perdure_runtime.ui.durations import exact, machine, relative, span
from perdure_runtime.ui.links import link
from perdure_runtime.ui.statuses import status_of

HERE = Path(__file__).parent
STATIC = HERE / "static"


def pretty(text: str) -> str:
    """JSON, indented; what is none stays as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


@pass_context
def _time(context: Context, at_ms: int) -> Markup:
    """A time as seen from now, with the exact one for who points at it; a dash for 0."""
    if not at_ms:
        return Markup('<span class="none">&ndash;</span>')
    told = relative(at_ms, context["now_ms"])
    return Markup('<time datetime="{}" title="{}">{}</time>').format(machine(at_ms), exact(at_ms), told)


def _number(value: int) -> str:
    return f"{value:,}"


def _counted(value: int, one: str, many: str) -> str:
    return f"{value:,} {one if value == 1 else many}"


def _short(text: str, length: int = 160) -> str:
    line = " ".join(text.split())
    return f"{line[:length]}…" if len(line) > length else line


def headline(error: str) -> str:
    """What an error says in one line: of a traceback the exception, and where the SDK says that it was."""
    lines = [line for line in error.splitlines() if line.strip()]
    if len(lines) < 2 or not lines[0].startswith("Traceback"):
        return lines[0] if lines else ""
    told = [line for line in lines[1:] if not line.startswith(" ")]
    return " ".join(told[-2:] if told[-1:] and told[-1].startswith("in ") else told[-1:])


def _breakable(text: str) -> Markup:
    """Lets the line of a long dotted name break behind its dots and slashes."""
    return Markup(str(escape(text)).replace(".", ".<wbr>").replace("/", "/<wbr>"))


FILTERS = {
    "breakable": _breakable,
    "counted": _counted,
    "headline": headline,
    "number": _number,
    "pretty": pretty,
    "short": _short,
    "span": span,
    "time": _time,
}


class Templates:
    """Renders pages. What a template asks for and is not given is an error, not an empty place."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS)
        self._environment.globals.update(link=link, status_of=status_of)

    def render(self, name: str, facts: Mapping[str, Any]) -> str:
        """A page, of the facts that it arranges."""
        return self._environment.get_template(name).render(facts)
