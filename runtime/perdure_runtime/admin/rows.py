"""Rows of views, by the names of their columns."""

from perdure_runtime.storage.views import View, ViewRow


class Row:
    """One row of a view. What is NULL is empty, or 0."""

    __slots__ = ("_values", "_view")

    def __init__(self, view: View, values: ViewRow) -> None:
        self._view = view
        self._values = values

    def text(self, column: str) -> str:
        """A column of text."""
        value = self._values[self._view.place(column)]
        return value if isinstance(value, str) else ""

    def number(self, column: str) -> int:
        """A column of a number."""
        value = self._values[self._view.place(column)]
        return value if isinstance(value, int) else 0

    def data(self, column: str) -> bytes:
        """A column of bytes."""
        value = self._values[self._view.place(column)]
        return value if isinstance(value, bytes) else b""

    def has(self, column: str) -> bool:
        """Whether a column is not NULL."""
        return self._values[self._view.place(column)] is not None

    @property
    def key(self) -> ViewRow:
        """What tells it apart."""
        return self._view.key_of(self._values)
