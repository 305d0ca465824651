"""How long nothing went on: for everybody, and for the keys of a node that was taken away. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from chaos.checker import ANSWERS
from chaos.faults import FAILOVERS, Group, Kind
from chaos.history import Counted, Event, Fault, Span

# A probe calls several times a second: what is shorter than this is no failover, but its own rhythm.
SHORTEST_S = 0.5
# What a process that starts again does to its neighbours is the fault's work too.
AFTER_S = 1.0


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody was answered from one moment to another."""

    began_s: float
    ended_s: float

    @property
    def lasts_s(self) -> float:
        """How long it was."""
        return self.ended_s - self.began_s

    def meets(self, fault: Fault) -> bool:
        """Whether it has to do with a fault."""
        return self.began_s < fault.healed_s + AFTER_S and fault.began_s < self.ended_s


def longest_silence(events: Sequence[Event]) -> Gap:
    """The longest time without any answer while the load was on."""
    spans = [event for event in events if isinstance(event, Span)]
    if not spans:
        return Gap(0.0, 0.0)
    (span,) = spans
    answered = [event.call.ended_s for event in events if isinstance(event, ANSWERS)]
    return max(_gaps([span.began_s, *answered, span.ended_s], span.ended_s), key=lambda gap: gap.lasts_s)


def failovers(events: Sequence[Event]) -> list[Gap]:
    """The time for which a probe had no answer while a node was taken away, and nothing else was wrong.

    A probe whose counter another node owns has no such gap. Where the database or an endpoint has a fault at the same
    time, the gap says nothing about nodes, and is left out.
    """
    faults = [event for event in events if isinstance(event, Fault)]
    found = []
    for gap in probe_gaps(events):
        met = [Kind(fault.kind) for fault in faults if gap.meets(fault)]
        if any(kind in FAILOVERS for kind in met) and all(kind.group is Group.NODE for kind in met):
            found.append(gap)
    return found


def probe_gaps(events: Iterable[Event]) -> Iterator[Gap]:
    """Every gap of every probe that is longer than its rhythm."""
    answered: dict[str, list[float]] = defaultdict(list)
    for event in events:
        if isinstance(event, Counted) and event.probe:
            answered[event.counter].append(event.call.ended_s)
    for moments in answered.values():
        yield from (gap for gap in _gaps(moments) if gap.lasts_s > SHORTEST_S)


def percentile(values: Iterable[float], share: float) -> float:
    """The value that this share of all is not above; 0 where there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _gaps(moments: Iterable[float], until_s: float = float("inf")) -> Iterator[Gap]:
    ordered = sorted(moment for moment in moments if moment <= until_s)
    return (Gap(one, next) for one, next in pairwise(ordered))
