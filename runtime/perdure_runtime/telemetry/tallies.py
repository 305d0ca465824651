"""What is counted as it happens: plain integers, so that a call pays for nothing but additions.

All belong to the thread of the event loop. Who shows them takes ``Reading``s of them.
"""

from collections.abc import Callable, Collection, Iterator
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from perdure_runtime.partition.rows import Ended, Invocation
from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.catalogue import Metric
from perdure_runtime.telemetry.histogram import BATCH, COMMIT_S, LATENCY_S, Histogram

T = TypeVar("T")

# So many of a kind have numbers of their own. Those that come later share one: what cannot be bounded elsewhere must
# not fill the memory of whoever collects it.
MOST = 1_000
OTHER = "other"
# google.rpc.Code.CANCELLED
CANCELLED = 1

Labels: TypeAlias = tuple[str, ...]


class Reading(NamedTuple):
    """A metric as it is now. A tuple, since a scrape makes thousands on the event loop's thread."""

    metric: Metric
    value: float | Histogram
    labels: Labels = ()


class Tallies(Generic[T]):
    """One tally for each of some names, made when it is first needed."""

    __slots__ = ("_make", "_tallies")

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._tallies: dict[Labels, T] = {}

    def of(self, *labels: str) -> T:
        """The tally of these names."""
        tally = self._tallies.get(labels)
        if tally is None:
            if len(self._tallies) >= MOST:
                labels = (OTHER,) * len(labels)
            tally = self._tallies.setdefault(labels, self._make())
        return tally

    def __iter__(self) -> Iterator[tuple[Labels, T]]:
        return iter(list(self._tallies.items()))


class HandlerTally:
    """What happened to the invocations of a handler."""

    __slots__ = (
        *("accepted", "attempts", "cancelled", "failed", "latency", "lost", "retries", "step_failures", "steps"),
        *("succeeded", "suspensions"),
    )

    def __init__(self) -> None:
        self.accepted = self.succeeded = self.failed = self.cancelled = 0
        self.attempts = self.retries = self.lost = self.suspensions = self.steps = self.step_failures = 0
        self.latency = Histogram(LATENCY_S)

    def end(self, ended: Ended, created_at_ms: int) -> None:
        """An invocation has ended."""
        if not ended.outcome.HasField("failure"):
            self.succeeded += 1
        elif ended.outcome.failure.code == CANCELLED:
            self.cancelled += 1
        else:
            self.failed += 1
        self.latency.observe((ended.at_ms - created_at_ms) / 1000)

    def readings(self, labels: Labels) -> Iterator[Reading]:
        """As of now."""
        yield Reading(catalogue.ACCEPTED, self.accepted, labels)
        yield Reading(catalogue.ENDED, self.succeeded, (*labels, "succeeded"))
        yield Reading(catalogue.ENDED, self.failed, (*labels, "failed"))
        yield Reading(catalogue.ENDED, self.cancelled, (*labels, "cancelled"))
        yield Reading(catalogue.LATENCY, self.latency.copy(), labels)
        yield Reading(catalogue.ATTEMPTS, self.attempts, labels)
        yield Reading(catalogue.RETRIES, self.retries, labels)
        yield Reading(catalogue.LOST, self.lost, labels)
        yield Reading(catalogue.SUSPENSIONS, self.suspensions, labels)
        yield Reading(catalogue.STEPS, self.steps, labels)
        yield Reading(catalogue.STEP_FAILURES, self.step_failures, labels)


class HandlerTallies(Tallies[HandlerTally]):
    """By service and handler: those of contracts that were registered, since no others are called."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(HandlerTally)

    def committed(self, rows: Collection[Invocation], inserted: Collection[str]) -> list[Invocation]:
        """A batch with these rows is durable; gives those that have ended with it."""
        over: list[Invocation] = []
        for row in rows:
            status = row.status
            # One that is swept had ended before.
            has_ended = isinstance(status, Ended) and not status.swept
            is_new = row.id in inserted
            if is_new or has_ended:
                tally = self.of(row.target.service, row.target.handler)
                tally.accepted += is_new
                if isinstance(status, Ended) and has_ended:
                    tally.end(status, row.created_at_ms)
                    over.append(row)
        return over


class LoopTally:
    """What the loop of a share did beside what it counts itself."""

    __slots__ = ("batches", "commit_s", "failures")

    def __init__(self) -> None:
        self.batches = Histogram(BATCH)
        self.commit_s = Histogram(COMMIT_S)
        self.failures = 0

    def committed(self, inputs: int, seconds: float) -> None:
        """A batch became durable."""
        self.batches.observe(inputs)
        self.commit_s.observe(seconds)

    def readings(self, labels: Labels) -> Iterator[Reading]:
        """As of now."""
        yield Reading(catalogue.BATCHES, self.batches.copy(), labels)
        yield Reading(catalogue.COMMIT_SECONDS, self.commit_s.copy(), labels)
        yield Reading(catalogue.STORAGE_FAILURES, self.failures, labels)


class IngressTally:
    """What callers asked of one protocol's side of an ingress, and how they were answered."""

    __slots__ = ("codes", "open")

    def __init__(self) -> None:
        self.open = 0
        self.codes: dict[str, int] = {}

    def ended(self, code: str) -> None:
        """A request was answered."""
        self.open -= 1
        self.codes[code] = self.codes.get(code, 0) + 1

    def refused(self, code: str) -> None:
        """A request was answered by its headers alone."""
        self.open += 1
        self.ended(code)

    def readings(self, protocol: str) -> Iterator[Reading]:
        """As of now."""
        yield Reading(catalogue.CALLS, self.open, (protocol,))
        for code, number in sorted(self.codes.items()):
            yield Reading(catalogue.REQUESTS, number, (protocol, code))


class SessionTally:
    """What happened to the sessions with one process of an endpoint."""

    __slots__ = ("broken", "is_open", "is_wanted", "opened")

    def __init__(self) -> None:
        self.opened = self.broken = 0
        self.is_open = False
        # Whether this node looks for the process: else nobody need be told that it is not there.
        self.is_wanted = False

    def readings(self, labels: Labels) -> Iterator[Reading]:
        """As of now."""
        if self.is_wanted:
            yield Reading(catalogue.SESSIONS, self.is_open, labels)
        yield Reading(catalogue.SESSIONS_OPENED, self.opened, labels)
        yield Reading(catalogue.SESSIONS_BROKEN, self.broken, labels)


class MessageTally:
    """Messages between the partitions of several nodes."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.sent = self.received = 0

    def readings(self) -> Iterator[Reading]:
        """As of now."""
        yield Reading(catalogue.MESSAGES_SENT, self.sent)
        yield Reading(catalogue.MESSAGES_RECEIVED, self.received)


class LeaseTally:
    """How a node kept its place among others."""

    __slots__ = ("losses", "renewals")

    def __init__(self) -> None:
        self.renewals = self.losses = 0

    def readings(self, labels: Labels) -> Iterator[Reading]:
        """As of now."""
        yield Reading(catalogue.RENEWALS, self.renewals, labels)
        yield Reading(catalogue.LEASES_LOST, self.losses, labels)


class SourceTally:
    """What subscriptions delivered, and how far they are behind."""

    __slots__ = ("_behind", "_delivered")

    def __init__(self) -> None:
        self._delivered: Tallies[list[int]] = Tallies(lambda: [0])
        self._behind: Tallies[list[int]] = Tallies(lambda: [0])

    def delivered(self, source: str, number: int = 1) -> None:
        """Messages of a source have become invocations."""
        self._delivered.of(source)[0] += number

    def lag(self, source: str, partition: str, number: int) -> None:
        """So many messages of a partition of its topic are yet to be delivered."""
        self._behind.of(source, partition)[0] = number

    def readings(self) -> Iterator[Reading]:
        """As of now."""
        for labels, delivered in self._delivered:
            yield Reading(catalogue.SOURCE_DELIVERED, delivered[0], labels)
        for labels, behind in self._behind:
            yield Reading(catalogue.SOURCE_LAG, behind[0], labels)


class QueryTally:
    """SQL queries of operators."""

    __slots__ = ("_outcomes", "_seconds")

    def __init__(self) -> None:
        self._outcomes: Tallies[list[int]] = Tallies(lambda: [0])
        self._seconds = Histogram(LATENCY_S)

    def observe(self, outcome: str, seconds: float) -> None:
        """A query has ended: "ok", or why it gave no rows."""
        self._outcomes.of(outcome)[0] += 1
        self._seconds.observe(seconds)

    def readings(self) -> Iterator[Reading]:
        """As of now."""
        for labels, number in self._outcomes:
            yield Reading(catalogue.QUERIES, number[0], labels)
        yield Reading(catalogue.QUERY_SECONDS, self._seconds.copy())
