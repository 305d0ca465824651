"""Crashes that a test orders: right before or right after one entry of a journal is durable."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perdure.errors import UsageError
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.testing.record import Place

KINDS = frozenset(field.name for field in Entry.DESCRIPTOR.oneofs_by_name["entry"].fields)


class When(enum.Enum):
    """On which side of the entry the process dies."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Crash:
    """One crash: at the first entry for which all that is set holds.

    Attributes:
        entry: Its place in the journal, from 0.
        step: It is the result of this step.
        kind: Its name in the protocol, such as "sleep".
        label: The invocation, as ``Place`` names it.
        invocation_id: The invocation.
    """

    when: When
    entry: int | None = None
    step: str | None = None
    kind: str | None = None
    label: str | None = None
    invocation_id: str | None = None

    def __post_init__(self) -> None:
        if self.entry is None and self.step is None and self.kind is None:
            raise UsageError(
                'say at which entry to crash: entry=2 (counted from 0), step="charge" (its result) or kind="sleep"'
            )
        if self.kind is not None and self.kind not in KINDS:
            raise UsageError(f"no journal entry is of kind {self.kind!r}; there are {', '.join(sorted(KINDS))}")

    def is_at(self, place: Place) -> bool:
        """Whether this is the entry."""
        return (
            (self.entry is None or self.entry == place.index)
            and (self.step is None or (self.step == place.step and place.kind == "completion"))
            and (self.kind is None or self.kind == place.kind)
            and (self.label is None or self.label == place.label)
            and (self.invocation_id is None or self.invocation_id == place.invocation_id)
        )


class Crashes:
    """The crashes that are yet to come. Each happens once.

    An entry that the handler makes is lost by a crash before it. What comes from elsewhere, such as the end of a
    sleep, happens all the same: the attempt dies without having heard of it.
    """

    def __init__(self, crash: Callable[[], None]) -> None:
        self._crash = crash
        self._ordered: list[Crash] = []

    @property
    def ordered(self) -> bool:
        """Whether any is yet to come."""
        return bool(self._ordered)

    def order(self, crash: Crash) -> None:
        """Crashes when it is time."""
        self._ordered.append(crash)

    def before_made(self, place: Place) -> bool:
        """Crashes, if it is time, before the node gets to know of an entry that a handler makes."""
        return self._happens(When.BEFORE, place)

    def before_commit(self, places: Sequence[Place]) -> None:
        """A batch is about to become durable."""
        for place in places:
            if not is_made_by_handler(place):
                self._happens(When.BEFORE, place)

    def after_commit(self, places: Sequence[Place]) -> None:
        """A batch is durable."""
        for place in places:
            self._happens(When.AFTER, place)

    def _happens(self, when: When, place: Place) -> bool:
        for crash in self._ordered:
            if crash.when is when and crash.is_at(place):
                self._ordered.remove(crash)
                self._crash()
                return True
        return False


def is_made_by_handler(place: Place) -> bool:
    """Whether an entry is a command, or what a step gave: else it comes from elsewhere."""
    if place.kind in ("completion", "step_failure"):
        return bool(place.step)
    return place.kind not in ("signal", "cancellation")
