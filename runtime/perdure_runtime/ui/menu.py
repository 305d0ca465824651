"""The menu: the pages that one can go to from everywhere."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure_runtime.ui.links import link

ENTRIES = (
    ("", "Overview"),
    ("invocations", "Invocations"),
    ("services", "Services"),
    ("objects", "Objects"),
    ("awakeables", "Awakeables"),
    ("deployments", "Deployments"),
    ("subscriptions", "Subscriptions"),
    ("schedules", "Schedules"),
    ("sql", "SQL"),
    ("cluster", "Cluster"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One of them; ``is_here`` where the page is this one, or lies below it."""

    word: str
    address: str
    is_here: bool


def menu_at(path: str) -> Sequence[Entry]:
    """The menu as the page at a path has it."""
    return [Entry(word, address := link(*([part] if part else [])), _is_below(path, address)) for part, word in ENTRIES]


def _is_below(path: str, address: str) -> bool:
    return path == address or (address != link() and path.startswith(f"{address}/"))
