"""What a schedule calls now, and when it is to be looked at again. Pure: no clock, no chance."""

import enum
from dataclasses import dataclass
from hashlib import blake2b
from itertools import takewhile
from typing import assert_never

from perdure_runtime.contracts.times import Times

# A time that is past for longer was missed: no node ran that could have called.
MISSED_AFTER_MS = 30_000
# Of times that were missed at most so many are caught up with, the latest.
MOST_CAUGHT_UP = 1_000


class CatchUp(enum.Enum):
    """What becomes of times that were missed."""

    LATEST = "one call for all of them"
    ALL = "a call for each of them"
    SKIP = "none"


@dataclass(frozen=True, slots=True)
class Timetable:
    """The times of one schedule. Each is delayed by up to ``jitter_ms``: always the same for the same name and time."""

    name: str
    times: Times
    jitter_ms: int = 0
    catch_up: CatchUp = CatchUp.LATEST

    def calls_at(self, due_ms: int) -> int:
        """When the call of a time is made."""
        digest = blake2b(f"{self.name}/{due_ms}".encode(), digest_size=8).digest()
        return due_ms + int.from_bytes(digest, "big") % (self.jitter_ms + 1)

    def next_ms(self, after_ms: int) -> int | None:
        """When it calls for the first time that is later; None where there is none any more."""
        due_ms = self.times.after(after_ms)
        return None if due_ms is None else self.calls_at(due_ms)


@dataclass(frozen=True, slots=True)
class Plan:
    """``calls`` are times that are to be called for now, in order; all up to ``settled_ms`` are done with then.

    ``next_ms`` is when to plan again; None where nothing comes any more.
    """

    calls: tuple[int, ...]
    settled_ms: int
    next_ms: int | None


def plan(table: Timetable, settled_ms: int, now_ms: int) -> Plan:
    """What comes after ``settled_ms``. One time after the other: none is called for before those before it."""
    due = table.times.latest(settled_ms, now_ms, MOST_CAUGHT_UP)
    due = list(takewhile(lambda each: table.calls_at(each) <= now_ms, due))
    # The last one that is so late, and all before it: those may have waited for no more than their delay.
    late_ms = now_ms - MISSED_AFTER_MS
    missed = max((index for index, each in enumerate(due, 1) if table.calls_at(each) < late_ms), default=0)
    match table.catch_up:
        case CatchUp.LATEST:
            first = max(0, missed - 1)
        case CatchUp.ALL:
            first = 0
        case CatchUp.SKIP:
            first = missed
        case _:
            assert_never(table.catch_up)
    settled_ms = due[-1] if due else settled_ms
    return Plan(tuple(due[first:]), settled_ms, table.next_ms(settled_ms))
