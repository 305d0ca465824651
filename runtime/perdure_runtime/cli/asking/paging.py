"""Lists that come in pages, put together up to the length that is wanted."""

from collections.abc import Callable, Iterator
from typing import Protocol, TypeVar

from perdure_runtime.cli.printing import note

# What a node gives at once.
PAGE = 1_000


class Page(Protocol):
    """The part of a list that a node gives at once."""

    @property
    def next_page_token(self) -> str:
        """Empty on the last page."""


P = TypeVar("P", bound=Page)


def pages(ask: Callable[[int, str], P], length: Callable[[P], int], limit: int) -> Iterator[P]:
    """The pages of a list until there are ``limit`` of its things, 0 for all.

    Args:
        ask: Gives at most so many, from a token on.
        length: How many are on a page.
        limit: How many are wanted in all.
    """
    found, token = 0, ""
    while True:
        page = ask(min(PAGE, limit - found) if limit else PAGE, token)
        yield page
        found, token = found + length(page), page.next_page_token
        if not token or 0 < limit <= found:
            return


def note_more(shown: int, next_page_token: str) -> None:
    """Says where a list goes on after what was printed."""
    if next_page_token:
        note(f"these are {shown:,}, and there are more: --limit 0 prints all")
