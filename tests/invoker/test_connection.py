"""What a connection makes of the frames of its endpoint, and of an endpoint that goes away."""

import asyncio
import functools
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path

import pytest
from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    CallCommand,
    Cancellation,
    Completion,
    Entry,
    Outcome,
    RunCommand,
    Signal,
    StepFailure,
)
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    Target as TargetMessage,
)
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure, EndpointFrame, NodeFrame, Suspension
from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.connection import Connection, start_frame
from perdure_runtime.invoker.transport import EndpointUnreachable, Link, OnFrames
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    StepEnded,
    StepFailed,
)
from perdure_runtime.partition.rows import Invocation, Mode, Running, Target

from tests.contracts.compiling import compile_protos, contract

CONTRACT = """
service Counter {
  option (perdure.v1.service) = {kind: VIRTUAL_OBJECT, state: "shop.v1.Number"};
  rpc Add(Number) returns (Number);
  rpc Read(Number) returns (Number) { option (perdure.v1.method) = {kind: SHARED}; }
}
message Number { string key = 1 [(perdure.v1.field).key = true]; int64 value = 2; }
"""


@functools.cache
def contract_bytes() -> bytes:
    """The contract as an endpoint would describe it."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_protos(Path(folder), contract(CONTRACT))


class FakeLink:
    """A session whose other side is the test."""

    def __init__(self, on_frames: OnFrames) -> None:
        self.answer = on_frames
        self.sent: list[NodeFrame] = []
        self.broken: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def send(self, frame: NodeFrame) -> None:
        self.sent.append(frame)

    async def closed(self) -> str:
        return await self.broken

    async def close(self) -> None:
        self.broken.cancel()


class FakeTransport:
    """An endpoint that opens sessions while it is up."""

    address = "test"

    def __init__(self) -> None:
        self.up = asyncio.Event()
        self.links: asyncio.Queue[FakeLink] = asyncio.Queue()

    async def open(self, on_frames: OnFrames) -> Link:
        if not self.up.is_set():
            raise EndpointUnreachable("nobody listens")
        link = FakeLink(on_frames)
        self.links.put_nowait(link)
        return link


class Room:
    """A connection, and what it offered to the partition."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.contracts = Contracts.described(contract_bytes(), ["shop.v1.Counter"])
        self.inputs: list[Input] = []
        self.offered: asyncio.Queue[Input] = asyncio.Queue()
        self.away: list[Connection] = []
        self.connection = Connection(self.transport, self._offer, lambda: self.contracts, self.away.append)
        self._task = asyncio.create_task(self.connection.run())

    def _offer(self, input: Input) -> None:
        self.inputs.append(input)
        self.offered.put_nowait(input)

    def start(self, id: str = "inv_1", attempt: int = 1, journal: Sequence[Entry] = ()) -> None:
        """Starts an attempt of Counter/Add."""
        target = Target("shop.v1.Counter", "Add", "a")
        row = Invocation(id, target, Mode(exclusive=True), b"", (), "", None, 5, Running(), attempt)
        self.connection.start(Start(row, tuple(journal), {}), self.contracts["shop.v1.Counter"].handlers["Add"])

    async def link(self) -> FakeLink:
        """The next session, once it is open."""
        self.transport.up.set()
        link = await self.transport.links.get()
        await asyncio.sleep(0)
        return link

    async def close(self) -> None:
        """Ends the connection."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own."""

    async def run() -> None:
        room = Room()
        try:
            await story(room)
        finally:
            await room.close()

    asyncio.run(run())


def entry(slot: int, entry: Entry) -> EndpointFrame:
    """A frame with an entry."""
    return EndpointFrame(slot=slot, entry=entry)


RUN = Entry(run=RunCommand(name="step"))


def test_commands_are_numbered_after_those_of_the_journal() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start(journal=[RUN, Entry(completion=Completion(command=0, value=b"")), RUN])
        link.answer([entry(1, RUN), entry(1, RUN)])
        assert [input.command for input in room.inputs if isinstance(input, Command)] == [2, 3]

    play(story)


def test_failures_of_a_step_are_numbered_after_those_of_the_journal() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        failure = Entry(step_failure=StepFailure(command=0, message="again"))
        room.start(journal=[RUN, failure])
        link.answer([entry(1, failure)])
        assert [input.failure_number for input in room.inputs if isinstance(input, StepFailed)] == [2]

    play(story)


def test_each_frame_becomes_its_input() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        for number, _ in enumerate(range(4), start=1):
            room.start(f"inv_{number}")
        link.answer(
            [
                entry(1, RUN),
                entry(1, Entry(completion=Completion(command=0, value=b"x"))),
                EndpointFrame(slot=1, outcome=Outcome(value=b"y")),
                EndpointFrame(slot=2, suspension=Suspension(awaiting=[0])),
                EndpointFrame(slot=3, attempt_failure=AttemptFailure(message="boom")),
            ]
        )
        kinds = [type(input) for input in room.inputs]
        assert kinds == [Command, StepEnded, AttemptEnded, AttemptSuspended, AttemptFailed]

    play(story)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_suspension_says_whether_its_handler_knows_of_its_cancellation(cancelled: bool) -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start()
        link.answer([EndpointFrame(slot=1, suspension=Suspension(awaiting=[2, 0], cancelled=cancelled))])
        assert room.inputs == [AttemptSuspended("inv_1", 1, (2, 0), cancelled)]

    play(story)


@pytest.mark.parametrize("wrong", [Entry(signal=Signal()), Entry(cancellation=Cancellation()), Entry()])
def test_an_entry_that_is_not_the_endpoints_to_send_fails_the_attempt(wrong: Entry) -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start()
        link.answer([entry(1, wrong)])
        (failed,) = room.inputs
        assert isinstance(failed, AttemptFailed)
        assert "that is not its to send" in failed.failure.message
        assert link.sent[-1].abort.reason == failed.failure.message

    play(story)


def test_an_attempt_starts_with_what_its_contract_and_its_state_say() -> None:
    contracts = Contracts.described(contract_bytes(), ["shop.v1.Counter"])
    facts = contracts["shop.v1.Counter"].handlers["Add"]
    target = Target("shop.v1.Counter", "Add", "a")
    row = Invocation(
        "inv_1", target, Mode(explicit_cancellation=True), b"in", (("x", "1"),), "k", None, 5, Running(), 2
    )
    frame = start_frame(Start(row, (RUN,), {"value": b"1"}, partial=True), facts, "dp_1")

    assert frame == session_pb2.Start(
        invocation_id="inv_1",
        attempt=2,
        target=TargetMessage(service="shop.v1.Counter", handler="Add", key="a"),
        input=b"in",
        headers={"x": "1"},
        idempotency_key="k",
        created_at_ms=5,
        journal=[RUN],
        state={"value": b"1"},
        inactivity_timeout_ms=60_000,
        partial_state=True,
        explicit_cancellation=True,
        deployment_id="dp_1",
    )


def test_what_an_ended_attempt_says_is_ignored() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start()
        link.answer([EndpointFrame(slot=1, outcome=Outcome(value=b"")), entry(1, RUN)])
        assert [type(input) for input in room.inputs] == [AttemptEnded]

    play(story)


def test_a_call_says_whether_its_handler_is_exclusive() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start()
        for handler in ("Add", "Read"):
            target = TargetMessage(service="shop.v1.Counter", handler=handler, key="b")
            link.answer([entry(1, Entry(call=CallCommand(target=target)))])
        assert [input.mode.exclusive for input in room.inputs if isinstance(input, Command)] == [True, False]

    play(story)


def test_a_call_of_what_nobody_serves_fails_the_attempt_with_what_to_do() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start()
        target = TargetMessage(service="shop.v1.Gone", handler="Add")
        link.answer([entry(1, Entry(call=CallCommand(target=target))), entry(1, RUN)])
        (failed,) = room.inputs
        assert isinstance(failed, AttemptFailed)
        assert "shop.v1.Gone/Add" in failed.failure.message
        assert "perdure deployments register" in failed.failure.message
        assert link.sent[-1].WhichOneof("frame") == "abort"

    play(story)


def test_a_broken_session_loses_its_attempts_and_a_new_one_is_opened() -> None:
    async def story(room: Room) -> None:
        first = await room.link()
        room.start("inv_1", attempt=3)
        first.broken.set_result("connection reset")
        assert await room.offered.get() == AttemptLost("inv_1", 3)
        second = await room.link()
        room.start("inv_1", attempt=4)
        assert [frame.start.attempt for frame in second.sent] == [4]
        assert second.sent[0].slot != first.sent[0].slot

    play(story)


def test_abort_all_ends_the_attempts_that_are_meant_and_no_others() -> None:
    async def story(room: Room) -> None:
        link = await room.link()
        room.start("inv_1")
        room.start("inv_2")
        room.connection.abort_all("start over", lambda id: id == "inv_1")
        link.answer([entry(1, RUN), entry(2, RUN)])
        assert [input.invocation_id for input in room.inputs if isinstance(input, Command)] == ["inv_2"]
        assert link.sent[-1].abort.reason == "start over"

    play(story)
