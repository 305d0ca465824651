"""Which invocations: from a filter to scans of the view, and back to one list in order of id."""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from grpclib.const import Status
from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.admin.rows import Row
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.storage.api import Survey
from perdure_runtime.storage.views import INVOCATION, Condition, Operator, ViewRow, is_equal

OPEN = ("scheduled", "queued", "running", "suspended", "backing_off", "paused")
# How an invocation can have ended, as what its ``outcome_code`` is. One that was cancelled has failed, too.
CANCELLED = 1
ENDINGS: dict[str, tuple[Condition, ...]] = {
    "ended": (),
    "succeeded": (is_equal("outcome_code", 0),),
    "failed": (Condition("outcome_code", Operator.NOT_EQUAL, (0,)),),
    "cancelled": (is_equal("outcome_code", CANCELLED),),
}
STATUSES = (*OPEN, *ENDINGS)
# Rows that a predicate is yet to look at are read so many at once.
CHUNK = 500
# Columns that a filter compares with the text of its field of the same name.
SAME = ("service", "handler", "key", "deployment_id", "idempotency_key", "caller_id")


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows that fit all conditions, and of which ``keeps`` says so. Scans of one search have no row in common."""

    conditions: tuple[Condition, ...]
    keeps: Callable[[Row], bool] | None = None


class Search:
    """Finds the invocations that fit a filter. What reads blocks, and raises StorageFailure."""

    def __init__(self, survey: Survey, wanted: InvocationFilter, now_ms: int, until_ms: int | None = None) -> None:
        """Ages count back from ``now_ms``; what was created after ``until_ms`` is left out.

        Raises Refusal where the filter names what there is not.
        """
        self._survey = survey
        begun = () if until_ms is None else (Condition("created_at_ms", Operator.AT_MOST, (until_ms,)),)
        self._scans = scans_of(wanted, now_ms, begun)

    def rows(self, after: str, *, descending: bool, size: int = CHUNK) -> Iterator[Row]:
        """All of them in order of id from behind ``after``; ``size`` is how many will be looked at, as far as known."""
        found = [self._scan(scan, after, descending, size) for scan in self._scans]
        return heapq.merge(*found, key=lambda row: row.text("id"), reverse=descending)

    def page(self, after: str, limit: int, *, descending: bool) -> list[Row]:
        """Some of them."""
        return list(islice(self.rows(after, descending=descending, size=limit), limit))

    def count(self, limit: int) -> int:
        """How many there are; counts no further than ``limit``."""
        found = 0
        for scan in self._scans:
            if scan.keeps is None:
                found += self._survey.count(INVOCATION, scan.conditions, limit - found)
            else:
                found += sum(1 for _ in islice(self._scan(scan, "", False, CHUNK), limit - found))
            if found >= limit:
                break
        return found

    def _scan(self, scan: Scan, after: str, descending: bool, size: int) -> Iterator[Row]:
        size = size if scan.keeps is None else CHUNK
        place: ViewRow | None = (after,) if after else None
        while True:
            page = self._survey.scan(INVOCATION, scan.conditions, place, size, descending=descending)
            for values in page:
                row = Row(INVOCATION, values)
                if scan.keeps is None or scan.keeps(row):
                    yield row
            if len(page) < size:
                return
            place = INVOCATION.key_of(page[-1])


def scans_of(wanted: InvocationFilter, now_ms: int, begun: tuple[Condition, ...] = ()) -> list[Scan]:
    """What to scan for a filter, and for these conditions. Raises Refusal."""
    common = [*begun, *(is_equal(column, value) for column in SAME if (value := getattr(wanted, column)))]
    if wanted.ids:
        common.append(is_equal("id", *dict.fromkeys(wanted.ids)))
    for name in ("min_age_ms", "max_age_ms"):
        if getattr(wanted, name) < 0:
            raise Refusal(Status.INVALID_ARGUMENT, f"{name} is {getattr(wanted, name)}; write milliseconds, 0 or more")
    if wanted.min_age_ms:
        common.append(Condition("created_at_ms", Operator.AT_MOST, (now_ms - wanted.min_age_ms,)))
    if wanted.max_age_ms:
        common.append(Condition("created_at_ms", Operator.AT_LEAST, (now_ms - wanted.max_age_ms,)))
    found = [(*common, *statuses) for statuses in _statuses(wanted.statuses)]
    if not wanted.error_contains:
        return [Scan(conditions) for conditions in found]
    return [scan for conditions in found for scan in _with_error(conditions, wanted.error_contains)]


def _statuses(names: Sequence[str]) -> list[tuple[Condition, ...]]:
    """Conditions for these statuses, each row in one of them at most."""
    if unknown := [name for name in names if name not in STATUSES]:
        raise Refusal(
            Status.INVALID_ARGUMENT, f"{unknown[0][:100]!r} is no status of an invocation; use {', '.join(STATUSES)}"
        )
    if not names:
        return [()]
    found: list[tuple[Condition, ...]] = []
    if is_open := [name for name in OPEN if name in names]:
        found.append((is_equal("status", *is_open),))
    ended = is_equal("status", "ended")
    if "ended" in names or {"succeeded", "failed"}.issubset(names):
        return [*found, (ended,)]
    endings = [name for name in ("succeeded", "failed", "cancelled") if name in names]
    if "failed" in endings and "cancelled" in endings:
        endings.remove("cancelled")
    return [*found, *((ended, *ENDINGS[name]) for name in endings)]


def _with_error(conditions: tuple[Condition, ...], text: str) -> list[Scan]:
    """What has the text in its last error, and what has it in the terminal error that it ended with alone."""
    failed = (*conditions, is_equal("status", "ended"), *ENDINGS["failed"])
    return [
        Scan((*conditions, Condition("last_error", Operator.CONTAINS, (text,)))),
        Scan(failed, lambda row: text not in row.text("last_error") and text in terminal_message(row)),
    ]


def terminal_message(row: Row) -> str:
    """The message of the terminal error that an invocation has ended with; empty where there is none."""
    return Outcome.FromString(row.data("outcome")).failure.message if row.number("outcome_code") else ""
