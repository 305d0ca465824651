"""Rows of views, in memory, for queries over them."""

from collections.abc import Mapping, Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import DeploymentRow, Usage
from perdure_runtime.storage.views import INVOCATION, Condition, View, ViewRow, fits


class Rows:
    """A survey and a registry of these rows.

    Attributes:
        asked: What was scanned: the view, the conditions, how many rows at most, and whether they come descending.
    """

    def __init__(self, rows: Mapping[str, Sequence[ViewRow]]) -> None:
        self._rows = rows
        self.asked: list[tuple[str, tuple[Condition, ...], int, bool]] = []

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        self.asked.append((view.name, tuple(conditions), limit, descending))
        fitting = [
            row
            for row in self._rows.get(view.name, ())
            if all(fits(condition, row[view.place(condition.column)]) for condition in conditions)
        ]
        ordered = sorted(fitting, key=view.key_of, reverse=descending)
        if after is not None:
            ordered = [row for row in ordered if _is_beyond(view.key_of(row), after, descending)]
        return ordered[:limit]

    def entries(self, invocation_id: str) -> list[Entry]:
        return []

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return []

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return []

    def usage(self, service: str) -> Usage:
        return Usage({}, {})

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        return len(self.scan(view, conditions, None, limit))

    def tally(self) -> list[tuple[str, str, str, int]]:
        return []

    def deployments(self) -> list[DeploymentRow]:
        return []

    def add_deployment(self, deployment: DeploymentRow) -> None:
        raise AssertionError("a query writes")

    def remove_deployment(self, deployment_id: str) -> None:
        raise AssertionError("a query writes")

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        raise AssertionError("a query writes")

    def definitions(self, kind: str) -> dict[str, bytes]:
        return {}

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        raise AssertionError("a query writes")


def _is_beyond(key: ViewRow, after: ViewRow, descending: bool) -> bool:
    return key < after if descending else key > after


def invocation(id: str, **columns: str | int | bytes | None) -> ViewRow:
    """An invocation with these columns; it runs and has not failed."""
    usual: dict[str, str | int | bytes | None] = {
        "id": id,
        "service": "shop.v1.Orders",
        "handler": "Place",
        "key": "",
        "status": "running",
        "created_at_ms": 0,
        "attempt": 1,
        "failures": 0,
        "cancel": 0,
        "input": b"",
    }
    return tuple({**usual, **columns}.get(name) for name in INVOCATION.columns)
