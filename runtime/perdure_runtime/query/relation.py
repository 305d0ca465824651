"""What a view of SQL is: its columns, and where its rows come from."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.query.column import Column
from perdure_runtime.query.decoding import Decoder
from perdure_runtime.storage.views import Condition, View, ViewRow

# Rows are read in pages, the first ones small: many queries want no more.
FIRST_PAGE, MOST_PAGE = 20, 1_000
# Payloads come with their rows: pages of large ones stay small.
PAGE_BYTES = 8 * 1024 * 1024


class Rows(Protocol):
    """Where the rows of a relation come from."""

    def __call__(
        self, decoder: Decoder, conditions: Sequence[Condition], *, descending: bool, first_page: int
    ) -> Iterator[ViewRow]:
        """Rows that may fit the conditions, by their key. Reads no further than it is asked."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A view. ``key`` are the columns that tell its rows apart, and by which they come sorted."""

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    rows: Rows
    # Whether the order of ``key`` is kept: a list that is made here is not sorted.
    is_sorted: bool = True

    @property
    def key_places(self) -> tuple[int, ...]:
        """Where the columns of the key stand."""
        names = [column.name for column in self.columns]
        return tuple(names.index(name) for name in self.key)


def scanned(view: View, *always: Condition) -> Rows:
    """The rows of a view of storage, page by page."""

    def rows(
        decoder: Decoder, conditions: Sequence[Condition], *, descending: bool, first_page: int
    ) -> Iterator[ViewRow]:
        after, size = None, max(1, min(first_page, MOST_PAGE))
        while True:
            page = decoder.survey.scan(view, (*always, *conditions), after, size, descending=descending)
            yield from page
            if len(page) < size:
                return
            after = view.key_of(page[-1])
            size = _next_size(page, size)

    return rows


def listed(make: Callable[[Decoder], Sequence[ViewRow]]) -> Rows:
    """Rows that are few, and are all there at once."""

    def rows(
        decoder: Decoder, conditions: Sequence[Condition], *, descending: bool, first_page: int
    ) -> Iterator[ViewRow]:
        yield from make(decoder)

    return rows


def _next_size(page: Sequence[ViewRow], size: int) -> int:
    held = sum(len(value) for row in page for value in row if isinstance(value, str | bytes))
    return max(1, min(size * 4, MOST_PAGE, PAGE_BYTES * len(page) // max(1, held)))
