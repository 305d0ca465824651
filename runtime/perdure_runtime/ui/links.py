"""Addresses of pages. Names and keys are whatever users chose, so every part is quoted here and nowhere else."""

from collections.abc import Iterable
from urllib.parse import quote, urlencode

ROOT = "/ui"
Query = str | int | bool | Iterable[str]


def link(*parts: str, **query: Query) -> str:
    """The address of a page by its path and query; what is empty is left out of the query, True is 1."""
    path = "/".join((ROOT, *(quote(part, safe="") for part in parts)))
    return with_query(path if parts else f"{ROOT}/", query.items())


def with_query(path: str, pairs: Iterable[tuple[str, Query]]) -> str:
    """An address with a query."""
    kept: list[tuple[str, str]] = []
    for name, value in pairs:
        if isinstance(value, bool):
            kept += [(name, "1")] if value else []
        elif isinstance(value, str | int):
            kept += [(name, str(value))] if value else []
        else:
            kept += [(name, each) for each in value]
    return f"{path}?{urlencode(kept)}" if kept else path


def is_ours(address: str) -> bool:
    """Whether an address that came with a form leads to a page of the UI, and not to another site."""
    return address.startswith(f"{ROOT}/") and "\\" not in address and not any(ord(each) < 32 for each in address)
