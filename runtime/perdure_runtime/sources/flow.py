"""The messages of one source on their way to partitions: which may go now, and where to read again after a crash.

Messages become invocations exactly once although readers die, hear no answers, and are two at once while partitions
move. Three rules are enough, and each reader keeps them by itself:

1. A message goes to the same partition of the cluster each time that it is read.
2. For one partition, the next message is submitted when the one before is known to be durable there: one *lane* each.
3. A message at position p is submitted only when all messages up to p - SPAN are known to be durable.

A partition takes a message only when it is beyond its *mark*, the position of the last one that it took, and stores
the new mark in the same commit. By rule 2 whoever submits p to a partition knows that all before p are there, so that
none is passed over; and what a partition has, it has once. By rule 3, whoever finds a mark at p knows that all up to
p - SPAN are durable: so a reader begins at the greatest mark of its source less SPAN, with nothing else written down,
and what it reads once more is answered as a repeat. docs/adr/0015-marks-of-sources.md has the whole argument.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Generic, TypeVar

# How far messages may be apart that are on their way at once. It may grow from one version to the next, and must never
# shrink: marks that a reader left before tell only what its own span promised.
SPAN = 1_024
# Nor are more bytes on their way, unless it is one message.
MOST_BYTES = 16 * 1024 * 1024

Item = TypeVar("Item")


def resume_at(marks: Iterable[int], first: int) -> int:
    """Where to read after a crash: ``first`` is where the source begins, where nothing has come through yet."""
    return max([first, *(mark - SPAN + 1 for mark in marks)])


@dataclass(frozen=True, slots=True)
class Ticket(Generic[Item]):
    """A message on its way."""

    position: int
    size: int
    item: Item


class Flow(Generic[Item]):
    """Positions come in ascending order; each lane is a partition of the cluster."""

    def __init__(self, begin: int) -> None:
        """``begin`` is where reading begins: all before it is durable."""
        self._lanes: dict[int, deque[Ticket[Item]]] = {}
        # A heap: what ends is often the lowest, but any lane may be slow.
        self._open: list[int] = []
        self._ended: set[int] = set()
        self._last = begin - 1
        self._bytes = 0

    @property
    def done(self) -> int:
        """All up to here is durable."""
        return self._open[0] - 1 if self._open else self._last

    @property
    def is_idle(self) -> bool:
        """Whether nothing is on its way."""
        return not self._open

    def takes(self, position: int, size: int) -> bool:
        """Whether a message may be on its way beside those that are."""
        if not self._open:
            return True
        return position < self._open[0] + SPAN and self._bytes + size <= MOST_BYTES

    def take(self, lane: int, ticket: Ticket[Item]) -> bool:
        """Puts a message at the end of its lane; says whether it is the only one there, to be submitted now."""
        assert ticket.position > self._last
        assert self.takes(ticket.position, ticket.size)
        self._last = ticket.position
        heappush(self._open, ticket.position)
        self._bytes += ticket.size
        line = self._lanes.setdefault(lane, deque())
        line.append(ticket)
        return len(line) == 1

    def passed(self, position: int) -> None:
        """A message is left out."""
        assert position > self._last
        self._last = position

    def head(self, lane: int) -> Ticket[Item] | None:
        """What of a lane is to be submitted, again and again until it is known to be durable."""
        line = self._lanes.get(lane)
        return line[0] if line else None

    def settle(self, lane: int) -> Ticket[Item] | None:
        """The head of a lane is durable; the next one is the head."""
        line = self._lanes[lane]
        ticket = line.popleft()
        self._bytes -= ticket.size
        self._ended.add(ticket.position)
        while self._open and self._open[0] in self._ended:
            self._ended.remove(heappop(self._open))
        if not line:
            del self._lanes[lane]
        return self.head(lane)
