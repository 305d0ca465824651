"""Replaying journals on an endpoint, to see whether its code repeats them, without side effects.

A step runs only when it is granted, and nothing is granted here; what the handler asks for beyond its journal is heard
and goes nowhere. So a replay has no effect but the handler's own code, which has none by its contract with the runtime.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.connection import start_frame
from perdure_runtime.invoker.transport import EndpointUnreachable, Link, Transport
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.rows import Ended, Invocation

# A replay does nothing that takes time; one that hangs is told so.
PATIENCE_S = 10.0
# As soon as the handler waits for something beyond its journal, it has repeated that.
INACTIVITY_MS = 50


@dataclass(frozen=True, slots=True)
class Subject:
    """An invocation whose journal is to be repeated."""

    invocation: Invocation
    journal: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Divergence:
    """What an endpoint does not repeat; the message has both sides."""

    invocation: Invocation
    message: str


async def verify(transport: Transport, contracts: Contracts, subjects: Sequence[Subject]) -> list[Divergence]:
    """Replays one after another in a session of its own. Raises EndpointUnreachable."""
    replays = Replays()
    link = await transport.open(replays.hear)
    closed = asyncio.create_task(link.closed())
    try:
        found = [await _replay(link, closed, replays, slot, contracts, each) for slot, each in enumerate(subjects, 1)]
    finally:
        closed.cancel()
        await link.close()
    return [divergence for divergence in found if divergence is not None]


class Replays:
    """What an endpoint says of the replay under way."""

    def __init__(self) -> None:
        self.slot = 0
        self.first: asyncio.Future[EndpointFrame] = asyncio.get_running_loop().create_future()

    def expect(self, slot: int) -> "asyncio.Future[EndpointFrame]":
        """The first frame of a slot."""
        self.slot, self.first = slot, asyncio.get_running_loop().create_future()
        return self.first

    def hear(self, frames: Sequence[EndpointFrame]) -> None:
        """Frames of the endpoint; only the first of a replay says anything."""
        for frame in frames:
            if frame.slot == self.slot and not self.first.done():
                self.first.set_result(frame)


async def _replay(
    link: Link, closed: "asyncio.Task[str]", replays: Replays, slot: int, contracts: Contracts, subject: Subject
) -> Divergence | None:
    invocation = subject.invocation
    service = contracts.get(invocation.target.service)
    facts = service.handlers.get(invocation.target.handler) if service is not None else None
    if facts is None:
        return Divergence(invocation, f"{invocation.target.service}/{invocation.target.handler} is gone")
    # What the journal says was read comes from the journal; all other state is left to commands.
    frame = start_frame(Start(invocation, subject.journal, {}, partial=True), facts, "")
    frame.inactivity_timeout_ms = INACTIVITY_MS
    first = replays.expect(slot)
    link.send(NodeFrame(slot=slot, start=frame))
    waiting: list[asyncio.Future[EndpointFrame] | asyncio.Future[str]] = [first, closed]
    await asyncio.wait(waiting, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    link.send(NodeFrame(slot=slot, abort=session_pb2.Abort(reason="its journal has been replayed")))
    if first.done():
        return _judge(invocation, first.result())
    if closed.done():
        raise EndpointUnreachable(f"the session broke while {invocation.id} was replayed: {closed.result()}")
    return Divergence(invocation, f"it did not come to the end of its journal within {PATIENCE_S:g} s")


def _judge(invocation: Invocation, frame: EndpointFrame) -> Divergence | None:
    match frame.WhichOneof("frame"):
        case "attempt_failure":
            return Divergence(invocation, frame.attempt_failure.message)
        case "outcome" if isinstance(invocation.status, Ended) and frame.outcome != invocation.status.outcome:
            return Divergence(invocation, "it ends with another result than the one that was given to its callers")
        case _:
            return None
