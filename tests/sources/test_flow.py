"""Messages of a source become invocations once, in order, whatever happens to those who read them."""

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from perdure_runtime.sources import flow
from perdure_runtime.sources.flow import MOST_BYTES, SPAN, Flow, Ticket, resume_at

PARTITIONS = 3


@dataclass
class Cluster:
    """Partitions that take a message where it is beyond their mark, as the runtime's do."""

    marks: dict[int, int] = field(default_factory=dict)
    taken: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def submit(self, lane: int, position: int) -> None:
        """A message arrives."""
        if position > self.marks.get(lane, -1):
            self.marks[lane] = position
            self.taken[lane].append(position)


class Reader:
    """Reads a log, which says of each position to which partition its message goes, and submits what its flow says."""

    def __init__(self, log: dict[int, int], cluster: Cluster) -> None:
        self._cluster = cluster
        self._flow: Flow[int] = Flow(begin := resume_at(cluster.marks.values(), 0))
        self._unread = [(position, lane) for position, lane in sorted(log.items()) if position >= begin]

    def read(self) -> None:
        """Takes the next message, if there is one and it may be on its way."""
        if self._unread and self._flow.takes(self._unread[0][0], 1):
            position, lane = self._unread.pop(0)
            self._flow.take(lane, Ticket(position, 1, position))

    def submit(self, lane: int, arrives: bool, answered: bool) -> None:
        """Submits the head of a lane; the call or its answer may be lost on the way."""
        ticket = self._flow.head(lane)
        if ticket is not None and arrives:
            self._cluster.submit(lane, ticket.item)
            if answered:
                self._flow.settle(lane)

    def finish(self) -> None:
        """Goes on to the end, where nothing is lost any more."""
        while self._unread or not self._flow.is_idle:
            self.read()
            for lane in range(PARTITIONS):
                self.submit(lane, arrives=True, answered=True)


@settings(max_examples=1_000, deadline=None)
@given(st.randoms(use_true_random=True), st.integers(1, 6))
def test_two_readers_that_crash_and_hear_no_answers_lose_nothing_and_bring_nothing_twice(
    chance: Random, span: int
) -> None:
    before, flow.SPAN = flow.SPAN, span
    try:
        # Gaps between messages are as wide as the span, and wider: topics have them.
        positions = list(accumulate(chance.randint(1, 3) for _ in range(12)))
        log = {position: chance.randrange(PARTITIONS) for position in positions}
        cluster = Cluster()
        readers = [Reader(log, cluster), Reader(log, cluster)]
        for _ in range(chance.randrange(80)):
            who = chance.randrange(2)
            match chance.choice(["read", "read", "submit", "submit", "submit", "crash"]):
                case "read":
                    readers[who].read()
                case "submit":
                    lane = chance.randrange(PARTITIONS)
                    readers[who].submit(lane, arrives=chance.random() < 0.8, answered=chance.random() < 0.8)
                case "crash" if chance.random() < 0.3:
                    readers[who] = Reader(log, cluster)
        # All die, and one comes back.
        Reader(log, cluster).finish()
    finally:
        flow.SPAN = before
    for lane in range(PARTITIONS):
        assert cluster.taken[lane] == [position for position, goes_to in log.items() if goes_to == lane]


def test_what_is_done_ends_before_the_first_that_is_on_its_way() -> None:
    flow: Flow[str] = Flow(5)
    assert flow.done == 4
    flow.take(0, Ticket(7, 1, "a"))
    flow.take(1, Ticket(9, 1, "b"))
    flow.settle(1)
    assert flow.done == 6
    flow.settle(0)
    assert flow.done == 9


def test_what_is_left_out_is_done() -> None:
    flow: Flow[str] = Flow(0)
    flow.passed(3)
    assert flow.done == 3


def test_no_more_bytes_are_on_their_way_than_there_is_room_for() -> None:
    flow: Flow[str] = Flow(0)
    assert flow.takes(0, 2 * MOST_BYTES)
    flow.take(0, Ticket(0, MOST_BYTES - 1, "large"))
    assert flow.takes(1, 1)
    assert not flow.takes(1, 2)


def test_a_reader_begins_where_everything_before_is_durable() -> None:
    assert resume_at([], 40) == 40
    assert resume_at([40 + SPAN, 50 + SPAN], 40) == 51
    assert resume_at([41], 40) == 40
