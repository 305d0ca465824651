"""Readers of a topic that die, hear no answers and are two at once: each message is one call, in order."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import EndpointUnavailable, Submission
from perdure_runtime.partition.placement import Placement
from perdure_runtime.sources import flow, reading
from perdure_runtime.sources.kept import Kept
from perdure_runtime.sources.node import Node
from perdure_runtime.sources.port import Bounds, Message, TopicTrouble
from perdure_runtime.sources.reading import Reading, Source
from perdure_runtime.sources.request import Calling, place_of

from tests.sources.counting import HANDLER
from tests.sources.room import SERVED

PLACEMENT = Placement(3)
PATIENCE_S = 10.0
NAME = "kafka/orders/0"


class Log:
    """A partition of a topic. Implements ``Topic`` and ``Feed``'s maker."""

    def __init__(self, values: list[bytes | None], first: int = 0) -> None:
        self.messages = [Message(first + index, value) for index, value in enumerate(values)]
        self.first = first

    async def partitions(self) -> Collection[str]:
        return ["0"]

    async def bounds(self, partition: str) -> Bounds:
        return Bounds(self.first, self.first + len(self.messages))

    async def feed(self, partition: str, position: int) -> "LogFeed":
        return LogFeed(self, position)

    async def close(self) -> None:
        """Nothing is open."""


class LogFeed:
    """Implements ``Feed``."""

    def __init__(self, log: Log, position: int) -> None:
        self._log = log
        self._next = position

    async def next(self) -> Message:
        if (index := self._next - self._log.first) >= len(self._log.messages):
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        self._next += 1
        return self._log.messages[index]

    async def close(self) -> None:
        """Nothing is open."""


class Cluster(Kept):
    """Partitions that take a call where it is beyond their mark, and what is kept; now and then a call gets lost."""

    contracts: Contracts = SERVED

    def __init__(self, chance: Random | None = None) -> None:
        self.taken: dict[str, list[int]] = defaultdict(list)
        self._marks: dict[int, int] = {}
        self._records: dict[str, bytes] = {}
        self._chance = chance

    async def submit(self, submission: Submission) -> str:
        await self._may_be_lost()
        lane = PLACEMENT.of_place(place_of(submission))
        assert submission.mark is not None
        if submission.mark.position > self._marks.get(lane, -1):
            self._marks[lane] = submission.mark.position
            self.taken[submission.key].append(submission.mark.position)
        await self._may_be_lost()
        return "an-id"

    async def _may_be_lost(self) -> None:
        await asyncio.sleep(0)
        if self._chance is not None and self._chance.random() < 0.3:
            raise EndpointUnavailable("an-id", "nowhere", "it is lost")

    async def marks(self, source: str) -> list[int]:
        await asyncio.sleep(0)
        return list(self._marks.values())

    async def definitions(self, kind: str) -> dict[str, bytes]:
        return self._records

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        assert content is not None
        self._records[name] = content

    def reading(self, *, from_latest: bool = False, skips: Collection[int] = ()) -> Reading:
        """A reader of its own."""
        source = Source(NAME, "orders 0", Calling(HANDLER, is_json=True), from_latest, lambda each: each in skips)
        node = Node(self, PLACEMENT, lambda partition: True, self, lambda: 0)
        return Reading(source, node, lambda: None)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits before another try."""
    monkeypatch.setattr(reading, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(reading, "LONGEST_PAUSE_S", 0.0)


@pytest.fixture(scope="module", autouse=True)
def short_span() -> Iterator[None]:
    """A span that a few messages go beyond."""
    before, flow.SPAN = flow.SPAN, 4
    yield
    flow.SPAN = before


def orders(keys: list[str]) -> list[bytes | None]:
    """A message for each of these counters."""
    return [f'{{"counter": "{key}"}}'.encode() for key in keys]


async def stop(*tasks: "asyncio.Task[None]") -> None:
    """The readers die."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def until(task: "asyncio.Task[None]", seen: Callable[[], bool]) -> None:
    """Lets a reader go on until something is to be seen."""
    async with asyncio.timeout(PATIENCE_S):
        while not seen():
            assert not task.done(), task
            await asyncio.sleep(0)


async def until_done(reader: Reading, log: Log, position: int) -> None:
    """Reads until all up to a message has come through."""
    task = asyncio.create_task(reader.run(log, "0"))
    await until(task, lambda: reader.begun and reader.done >= position)
    await stop(task)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from("abcdef"), min_size=20, max_size=40), st.integers(0, 2**32))
def test_readers_that_die_and_are_two_at_once_bring_each_message_once_and_in_order(keys: list[str], seed: int) -> None:
    async def story() -> None:
        chance = Random(seed)
        log, cluster = Log(orders(keys)), Cluster(chance)
        tasks = [asyncio.create_task(cluster.reading().run(log, "0")) for _ in range(2)]
        for _ in range(chance.randrange(6)):
            for _ in range(chance.randrange(40)):
                await asyncio.sleep(0)
            who = chance.randrange(2)
            await stop(tasks[who])
            tasks[who] = asyncio.create_task(cluster.reading().run(log, "0"))
        await stop(*tasks)
        await until_done(cluster.reading(), log, len(keys) - 1)
        wanted = {key: [at for at, each in enumerate(keys) if each == key] for key in set(keys)}
        assert cluster.taken == wanted

    asyncio.run(story())


def test_a_message_that_is_no_call_holds_those_behind_it_and_is_named() -> None:
    async def story() -> None:
        log, cluster = Log([*orders(["a"]), b"{", *orders(["a"])]), Cluster()
        reader = cluster.reading()
        task = asyncio.create_task(reader.run(log, "0"))
        await until(task, lambda: reader.state.status == "stuck" and reader.done == 0)
        assert "message 1 of orders 0 cannot be delivered: it is no JSON" in reader.state.problem
        assert "set skip of its partition to 1" in reader.state.problem
        assert cluster.taken == {"a": [0]}
        await stop(task)

    asyncio.run(story())


def test_a_message_that_is_left_out_stays_so_for_who_reads_it_again() -> None:
    async def story() -> None:
        log, cluster = Log([*orders(["a"]), b"{", *orders(["a"])]), Cluster()
        await until_done(cluster.reading(skips=[1]), log, 2)
        assert cluster.taken == {"a": [0, 2]}
        # Whoever comes after it reads the same messages once more, and nobody asks it to leave one out.
        await until_done(cluster.reading(), log, 2)
        assert cluster.taken == {"a": [0, 2]}

    asyncio.run(story())


def test_a_message_that_is_a_call_is_never_left_out() -> None:
    async def story() -> None:
        cluster = Cluster()
        await until_done(cluster.reading(skips=[0]), Log(orders(["a"])), 0)
        assert cluster.taken == {"a": [0]}

    asyncio.run(story())


def test_who_begins_at_the_end_goes_on_from_there_after_a_crash() -> None:
    async def story() -> None:
        log, cluster = Log(orders(["a", "a"])), Cluster()
        # It dies before anything has come.
        await until_done(cluster.reading(from_latest=True), log, 1)
        log.messages.append(Message(2, orders(["a"])[0]))
        await until_done(cluster.reading(from_latest=True), log, 2)
        assert cluster.taken == {"a": [2]}

    asyncio.run(story())


def test_a_topic_that_keeps_less_is_read_from_what_it_keeps() -> None:
    async def story() -> None:
        cluster = Cluster()
        await until_done(cluster.reading(), Log(orders(["a"])), 0)
        await until_done(cluster.reading(), Log(orders(["a"]), first=100), 100)
        assert cluster.taken == {"a": [0, 100]}

    asyncio.run(story())


def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one() -> None:
    async def story() -> None:
        cluster = Cluster()
        await until_done(cluster.reading(), Log(orders(["a", "a"])), 1)
        with pytest.raises(TopicTrouble, match="it was made anew; remove the subscription"):
            await cluster.reading().run(Log(orders(["a"])), "0")

    asyncio.run(story())
