"""How the processes of a deployment share its attempts, and what becomes of those of one that goes."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.invoker.connection import GRACE_S
from perdure_runtime.invoker.deployed import Deployed
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.partition.input import AttemptEnded, AttemptLost, Input

from tests.invoker.hand_clock import HandClock, pass_time
from tests.invoker.test_connection import FakeLink, FakeTransport
from tests.invoker.test_routes import counter, start, turn


class Process(FakeTransport):
    """A process of the deployment, at an address of its own."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address


class Room:
    """A deployment with processes "a" and "b", which are down yet."""

    def __init__(self) -> None:
        self.offered: list[Input] = []
        self.away: list[Deployed] = []
        self.invoker = Invoker(self.offered.append, self.away.append)
        self.a, self.b = Process("a"), Process("b")
        self.invoker.add(self.a, counter(), "dp_1")
        self.invoker.join("dp_1", self.b)

    async def both(self) -> tuple[FakeLink, FakeLink]:
        """The sessions with both."""
        return await self.link(self.a), await self.link(self.b)

    async def link(self, process: Process) -> FakeLink:
        """The next session with one, which is up from now on."""
        process.up.set()
        link = await process.links.get()
        await turn()
        return link

    def start(self, id: str, attempt: int = 1) -> None:
        """Starts an attempt of an invocation."""
        wanted = start(attempt, "dp_1")
        self.invoker.start(replace(wanted, invocation=replace(wanted.invocation, id=id)))


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own, and a clock that it can move."""

    async def run() -> None:
        async with asyncio.timeout(1_000):
            room = Room()
            try:
                await story(room)
            finally:
                await room.invoker.close()

    with asyncio.Runner(loop_factory=HandClock) as runner:
        runner.run(run())


def begun(link: FakeLink) -> list[str]:
    """The invocations that were started in a session."""
    return [frame.start.invocation_id for frame in link.sent if frame.HasField("start")]


def end(link: FakeLink, id: str) -> None:
    """An attempt ends."""
    slot = next(frame.slot for frame in link.sent if frame.HasField("start") and frame.start.invocation_id == id)
    link.answer([EndpointFrame(slot=slot, outcome=Outcome(value=b""))])


def test_an_attempt_starts_at_the_process_that_runs_the_fewest() -> None:
    async def story(room: Room) -> None:
        a, b = await room.both()
        for id in ("1", "2", "3", "4"):
            room.start(id)
        assert (begun(a), begun(b)) == (["1", "3"], ["2", "4"])
        end(a, "1")
        end(a, "3")
        room.start("5")
        room.start("6")
        assert (begun(a), begun(b)) == (["1", "3", "5", "6"], ["2", "4"])

    play(story)


def test_attempts_that_come_one_after_another_are_shared_too() -> None:
    async def story(room: Room) -> None:
        a, b = await room.both()
        for id in ("1", "2", "3", "4"):
            room.start(id)
            end(a if id in begun(a) else b, id)
        assert (len(begun(a)), len(begun(b))) == (2, 2)

    play(story)


def test_the_attempts_of_a_process_that_goes_away_are_lost_at_once_and_start_at_the_other() -> None:
    async def story(room: Room) -> None:
        a, b = await room.both()
        room.start("1")
        room.a.up.clear()
        a.broken.set_result("connection reset")
        await turn()
        assert room.offered == [AttemptLost("1", 1)]
        room.start("1", attempt=2)
        assert begun(b) == ["1"]

    play(story)


def test_what_waits_for_all_processes_starts_as_soon_as_one_is_there() -> None:
    async def story(room: Room) -> None:
        room.start("1")
        await turn()
        assert not room.offered
        b = await room.link(room.b)
        assert room.offered == [AttemptLost("1", 1)]
        room.start("1", attempt=2)
        assert begun(b) == ["1"]

    play(story)


def test_a_deployment_is_away_only_when_all_its_processes_are() -> None:
    async def story(room: Room) -> None:
        a = await room.link(room.a)
        await pass_time(GRACE_S + 2)
        assert not room.away, "a is there"
        room.a.up.clear()
        a.broken.set_result("connection reset")
        await turn()
        room.start("1")
        await pass_time(GRACE_S + 2)
        (away,) = room.away
        assert (away.address, away.away) == ("a, b", "a: nobody listens; b: nobody listens")
        assert room.invoker.stuck("1") is away
        await room.link(room.b)
        assert not away.away
        assert room.invoker.stuck("1") is None

    play(story)


def test_a_process_that_joins_gets_its_share() -> None:
    async def story(room: Room) -> None:
        await room.both()
        for id in ("1", "2"):
            room.start(id)
        c = Process("c")
        room.invoker.join("dp_1", c)
        link = await room.link(c)
        room.start("3")
        assert begun(link) == ["3"]
        assert room.invoker.processes("dp_1") == {"a", "b", "c"}

    play(story)


def test_a_process_that_leaves_at_once_loses_its_attempts_to_the_others() -> None:
    async def story(room: Room) -> None:
        a, b = await room.both()
        room.start("1")
        room.invoker.leave("dp_1", "a", at_once=True)
        assert room.offered == [AttemptLost("1", 1)]
        assert "leaves its deployment" in a.sent[-1].abort.reason
        room.start("1", attempt=2)
        assert begun(b) == ["1"]
        await turn()
        assert a.broken.cancelled(), "its session is closed"

    play(story)


def test_a_process_that_leaves_ends_what_it_runs_and_gets_nothing_new() -> None:
    async def story(room: Room) -> None:
        a, b = await room.both()
        room.start("1")
        room.invoker.leave("dp_1", "a", at_once=False)
        room.start("2")
        room.start("3")
        assert (begun(a), begun(b)) == (["1"], ["2", "3"])
        await turn()
        assert not a.broken.done()
        end(a, "1")
        await turn()
        assert a.broken.cancelled()
        assert [type(input) for input in room.offered] == [AttemptEnded]

    play(story)


def test_abort_all_stops_and_forgets_only_the_invocations_that_are_meant() -> None:
    async def story(room: Room) -> None:
        room.start("gone")
        room.start("stays")
        room.invoker.abort_all("its partition is at another node", lambda id: id == "gone")
        a = await room.link(room.a)
        assert room.offered == [AttemptLost("stays", 1)]
        for id in ("gone", "stays"):
            room.start(id, attempt=2)
        room.invoker.abort_all("its partition is at another node", lambda id: id == "gone")
        aborted = [frame.slot for frame in a.sent if frame.HasField("abort")]
        started = {frame.slot: frame.start.invocation_id for frame in a.sent if frame.HasField("start")}
        assert [started[slot] for slot in aborted] == ["gone"]
        assert not room.invoker.idle

    play(story)


def test_the_order_of_deployments_says_which_is_the_newest_not_the_order_in_which_they_were_added() -> None:
    async def story(room: Room) -> None:
        room.invoker.add(Process("c"), counter(), "dp_2")
        assert room.invoker.newest_at("dp_2")
        room.invoker.arrange(["dp_2", "dp_1"])
        assert (room.invoker.newest_at("dp_1"), room.invoker.newest_at("dp_2")) == ({"shop.v1.Counter"}, set())

    play(story)


def test_what_starts_after_the_end_of_the_node_opens_no_session() -> None:
    async def story(room: Room) -> None:
        await room.both()
        room.start("1")
        await room.invoker.close()
        # The partition hears of the lost attempt, and goes on for a moment.
        room.start("1", attempt=2)
        await turn()
        assert room.a.links.empty()
        assert room.b.links.empty()

    play(story)
