"""Where the invoker sends attempts as endpoints are registered."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.input import AttemptLost, Input
from perdure_runtime.partition.rows import Invocation, Mode, Running, Target

from tests.invoker.test_connection import FakeLink, FakeTransport, contract_bytes


def start(attempt: int = 1, deployment_id: str = "") -> Start:
    """An attempt of Counter/Add, whose journal a deployment wrote."""
    target = Target("shop.v1.Counter", "Add", "a")
    row = Invocation("inv_1", target, Mode(exclusive=True), b"", (), "", None, 5, Running(), attempt)
    return Start(replace(row, deployment_id=deployment_id), (), {})


def counter() -> Contracts:
    """The contract of Counter."""
    return Contracts.described(contract_bytes(), ["shop.v1.Counter"])


def test_an_attempt_without_an_endpoint_starts_anew_when_one_is_registered() -> None:
    async def story() -> None:
        offered: list[Input] = []
        invoker = Invoker(offered.append, lambda connection: None)
        invoker.start(start())
        invoker.add(FakeTransport(), counter())
        assert offered == [AttemptLost("inv_1", 1)]
        await invoker.close()

    asyncio.run(story())


def test_an_attempt_that_waits_for_a_dead_endpoint_starts_anew_at_the_one_registered_in_its_place() -> None:
    async def story() -> None:
        offered: list[Input] = []
        invoker = Invoker(offered.append, lambda connection: None)
        dead, alive = FakeTransport(), FakeTransport()
        invoker.add(dead, counter())
        invoker.start(start())
        alive.up.set()
        invoker.add(alive, counter())
        assert offered == [AttemptLost("inv_1", 1)]
        link = await alive.links.get()
        await asyncio.sleep(0)
        invoker.start(start(attempt=2))
        assert [frame.start.attempt for frame in link.sent] == [2]
        # Nobody is left who would connect to the dead one, should it come back.
        dead.up.set()
        await asyncio.sleep(0)
        assert dead.links.empty()
        await invoker.close()

    asyncio.run(story())


class Room:
    """An invoker with two deployments of Counter, which both answer."""

    def __init__(self) -> None:
        self.offered: list[Input] = []
        self.invoker = Invoker(self.offered.append, lambda connection: None)
        self.old, self.new = FakeTransport(), FakeTransport()
        for transport in (self.old, self.new):
            transport.up.set()

    async def add_old(self) -> FakeLink:
        """The session with the old one."""
        self.invoker.add(self.old, counter(), "dp_old")
        return await self.link(self.old)

    async def add_new(self) -> FakeLink:
        """The session with the new one."""
        self.invoker.add(self.new, counter(), "dp_new")
        return await self.link(self.new)

    async def link(self, transport: FakeTransport) -> FakeLink:
        """The next session with one."""
        link = await transport.links.get()
        await turn()
        return link


async def turn() -> None:
    """Lets what was asked for happen."""
    for _ in range(5):
        await asyncio.sleep(0)


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own."""

    async def run() -> None:
        async with asyncio.timeout(20):
            room = Room()
            await story(room)
            await room.invoker.close()

    asyncio.run(run())


def attempts(link: FakeLink) -> list[int]:
    """The attempts that were started in a session."""
    return [frame.start.attempt for frame in link.sent if frame.HasField("start")]


def end(link: FakeLink) -> None:
    """The last attempt that was started in a session ends."""
    link.answer([EndpointFrame(slot=link.sent[-1].slot, outcome=Outcome(value=b""))])


def test_an_attempt_with_a_journal_goes_to_the_deployment_that_wrote_it() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        room.invoker.start(start())
        new = await room.add_new()
        room.invoker.start(start(2, "dp_old"))
        room.invoker.start(start(3, "dp_new"))
        assert (attempts(old), attempts(new)) == ([1, 2], [3])
        assert [frame.start.deployment_id for frame in new.sent] == ["dp_new"]

    play(story)


def test_the_session_with_a_deployment_that_gets_no_new_work_is_closed_and_opened_again_for_its_old_work() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        await room.add_new()
        await turn()
        assert old.broken.cancelled()
        room.invoker.start(start(1, "dp_old"))
        await room.link(room.old)
        # Attempts that had to wait for the session are started by the partition again.
        assert room.offered == [AttemptLost("inv_1", 1)]

    play(story)


def test_the_work_of_a_removed_deployment_goes_to_the_newest() -> None:
    async def story(room: Room) -> None:
        await room.add_old()
        new = await room.add_new()
        room.invoker.remove("dp_old")
        room.invoker.start(start(1, "dp_old"))
        assert attempts(new) == [1]

    play(story)


def test_when_the_newest_is_removed_the_one_before_it_is_the_newest_again() -> None:
    async def story(room: Room) -> None:
        await room.add_old()
        await room.add_new()
        room.invoker.remove("dp_new")
        assert room.invoker.newest_at("dp_old") == {"shop.v1.Counter"}
        assert room.invoker.newest_at("dp_new") == set()

    play(story)


def test_without_any_deployment_attempts_wait_for_one() -> None:
    async def story(room: Room) -> None:
        await room.add_old()
        room.invoker.remove("dp_old")
        assert not room.invoker.contracts
        room.invoker.start(start())
        assert not room.invoker.idle
        await room.add_new()
        assert room.offered == [AttemptLost("inv_1", 1)]

    play(story)


def test_removing_what_is_not_there_changes_nothing() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        known = room.invoker.contracts
        room.invoker.remove("dp_other")
        assert room.invoker.contracts is known
        assert not old.broken.done()

    play(story)


def test_what_runs_at_a_removed_deployment_ends_there_and_its_session_after_it() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        room.invoker.start(start())
        await room.add_new()
        room.invoker.remove("dp_old")
        await turn()
        assert not old.broken.done()
        end(old)
        await turn()
        assert old.broken.cancelled()

    play(story)


def test_a_removed_deployment_that_goes_away_is_not_looked_for_again() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        room.invoker.start(start())
        await room.add_new()
        room.invoker.remove("dp_old")
        old.broken.set_result("the process ended")
        await turn()
        assert room.offered == [AttemptLost("inv_1", 1)]
        assert room.old.links.empty()

    play(story)


def test_a_deployment_that_is_kept_for_its_old_work_keeps_its_session_between_attempts() -> None:
    async def story(room: Room) -> None:
        old = await room.add_old()
        room.invoker.start(start())
        await room.add_new()
        end(old)
        await turn()
        assert not old.broken.done()
        room.invoker.start(start(2, "dp_old"))
        assert attempts(old) == [1, 2]

    play(story)
