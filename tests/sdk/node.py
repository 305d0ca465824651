"""A node that the test plays: it starts attempts, and reads what they say, frame by frame."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence

from perdure import Endpoint, codec
from perdure.results import dump
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    Cancellation,
    Completion,
    Entry,
    Failure,
    Outcome,
    RunCommand,
    SleepCommand,
    StateValue,
    Target,
)
from perdure_protos.perdure.protocol.v1.session_pb2 import Abort, Accepted, EndpointFrame, Grant, NodeFrame, Start

from tests.sdk.contract import PACKAGE, StoryHandler, Word, endpoint

NEVER_MS = 3_600_000
NOW_MS = 1_000_000


class Node:
    """One session; slot and attempt are 1 unless the test says otherwise."""

    def __init__(self, served: Endpoint) -> None:
        self.session = EndpointSession(served, self._take)
        self.batches: list[list[EndpointFrame]] = []
        self._frames: asyncio.Queue[EndpointFrame] = asyncio.Queue()

    def _take(self, frames: list[EndpointFrame]) -> None:
        self.batches.append(frames)
        for frame in frames:
            self._frames.put_nowait(frame)

    def start(
        self,
        handler: str = "Story/Do",
        journal: Sequence[Entry] = (),
        *,
        slot: int = 1,
        request: Word | None = None,
        key: str = "",
        state: Mapping[str, bytes] | None = None,
        idle_ms: int = NEVER_MS,
        attempt: int = 1,
        raw: bytes | None = None,
        partial_state: bool = False,
        explicit_cancellation: bool = False,
    ) -> None:
        """Starts an attempt."""
        service, _, name = handler.partition("/")
        self.session.receive(
            [
                NodeFrame(
                    slot=slot,
                    start=Start(
                        invocation_id="inv_1",
                        attempt=attempt,
                        target=Target(service=f"{PACKAGE}.{service}", handler=name, key=key),
                        input=codec.encode(request or Word()) if raw is None else raw,
                        journal=journal,
                        state=state or {},
                        created_at_ms=NOW_MS,
                        inactivity_timeout_ms=idle_ms,
                        partial_state=partial_state,
                        explicit_cancellation=explicit_cancellation,
                        deployment_id="dep_1",
                    ),
                )
            ]
        )

    def complete(self, command: int, value: bytes = b"", *, at_ms: int = NOW_MS, slot: int = 1) -> None:
        """Sends the result of a call, a message or a sleep."""
        completion = Completion(command=command, value=value, at_ms=at_ms)
        self.session.receive([NodeFrame(slot=slot, completion=completion)])

    def fail(self, command: int, code: int, message: str) -> None:
        """Sends the terminal error of a call."""
        failure = Failure(code=code, message=message)
        self.session.receive([NodeFrame(slot=1, completion=Completion(command=command, failure=failure))])

    def cancel(self) -> None:
        """Cancels the invocation."""
        self.session.receive([NodeFrame(slot=1, cancellation=Cancellation(at_ms=NOW_MS))])

    def grant(self, command: int) -> None:
        """Lets a step start."""
        self.session.receive([NodeFrame(slot=1, grant=Grant(command=command))])

    def accept(self, command: int, *, at_ms: int = NOW_MS) -> None:
        """Tells that the result of a step stands in the journal."""
        self.session.receive([NodeFrame(slot=1, accepted=Accepted(command=command, at_ms=at_ms))])

    async def step(self, command: int) -> Entry:
        """Lets a step run, and gives its result as the journal has it."""
        self.grant(command)
        result = await self.entry()
        assert result.completion.command == command, result
        self.accept(command, at_ms=result.completion.at_ms)
        return result

    def abort(self) -> None:
        """Ends the attempt."""
        self.session.receive([NodeFrame(slot=1, abort=Abort(reason="the test says so"))])

    async def next(self) -> EndpointFrame:
        """The next frame of the endpoint."""
        return await self._frames.get()

    def poll(self) -> EndpointFrame | None:
        """The next frame of the endpoint, if it has come."""
        return None if self._frames.empty() else self._frames.get_nowait()

    async def entry(self) -> Entry:
        """The next frame, which is an entry."""
        frame = await self.next()
        assert frame.HasField("entry"), frame
        return frame.entry

    async def result(self) -> Word:
        """The next frame, which is the response of the handler."""
        frame = await self.next()
        assert frame.outcome.HasField("value"), frame
        return codec.decode(Word, frame.outcome.value)

    async def failure(self) -> Failure:
        """The next frame, which is the terminal error of the handler."""
        frame = await self.next()
        assert frame.outcome.HasField("failure"), frame
        return frame.outcome.failure

    async def failed(self) -> str:
        """The next frame, which says that the attempt failed."""
        frame = await self.next()
        assert frame.HasField("attempt_failure"), frame
        return frame.attempt_failure.message

    async def silence(self) -> None:
        """Lets all that can run now run, and checks that nothing was said."""
        await turns()
        assert self._frames.empty(), self._frames.get_nowait()


async def turns() -> None:
    """Some turns of the event loop, in which no clock moves."""
    for _ in range(30):
        await asyncio.sleep(0)


def play(served: Endpoint | StoryHandler, story: Callable[[Node], Coroutine[None, None, None]]) -> None:
    """Runs a story with a node; given a function, it is the handler of Story/Do."""

    async def run() -> None:
        node = Node(served if isinstance(served, Endpoint) else endpoint(served))
        try:
            async with asyncio.timeout(30):
                await story(node)
        finally:
            await node.session.close()

    asyncio.run(run())


def ran(name: str) -> Entry:
    """The command of a step."""
    return Entry(run=RunCommand(name=name))


def completed(command: int, value: object = None, *, at_ms: int = NOW_MS) -> Entry:
    """The result of a step in the journal."""
    return Entry(completion=Completion(command=command, value=dump(value, "test"), at_ms=at_ms))


def slept(milliseconds: int) -> Entry:
    """The command of a sleep."""
    return Entry(sleep=SleepCommand(duration_ms=milliseconds))


def done(command: int, value: bytes = b"", *, at_ms: int = NOW_MS) -> Entry:
    """The result of what is no step in the journal."""
    return Entry(completion=Completion(command=command, value=value, at_ms=at_ms))


def failed(command: int, message: str) -> Entry:
    """A terminal error in the journal."""
    return Entry(completion=Completion(command=command, failure=Failure(code=2, message=message)))


def cancelled() -> Entry:
    """The cancellation of the invocation in the journal."""
    return Entry(cancellation=Cancellation(at_ms=NOW_MS))


def value(value: bytes | None) -> bytes:
    """What a read of the state gives."""
    return StateValue(value=value).SerializeToString()


def outcome(message: bytes) -> bytes:
    """What a look at a result gives, where there is one."""
    return Outcome(value=message).SerializeToString()
