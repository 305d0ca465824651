"""Replaying journals on an endpoint, to see whether its code repeats them, without side effects.

A step runs only when it is granted, and nothing is granted here; what the handler asks for beyond its journal is heard
and goes nowhere. So a replay has no effect but the handler's own code, which has none by its contract with the runtime.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from perdure.vm.describe import describe
from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure, EndpointFrame, NodeFrame

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.invoker.connection import start_frame
from perdure_runtime.invoker.transport import EndpointUnreachable, Link, Transport
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.lifecycle.attempt import GAVE_UP
from perdure_runtime.partition.lifecycle.kill import ABORTED, KILLED
from perdure_runtime.partition.rows import Ended, Invocation
from perdure_runtime.telemetry.context import hush

# Commands that read state.
READS = frozenset({"get_state", "get_state_keys"})
# A replay does nothing that takes time; one that hangs is told so.
PATIENCE_S = 10.0
# So many replay side by side: an endpoint that hangs as a whole costs them all no more than one patience.
AT_ONCE = 100
# As soon as the handler waits for something beyond its journal, it has repeated that.
INACTIVITY_MS = 50
# So much of a result is shown.
MAX_CHARACTERS = 200


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
    """Replays them in a session of their own. Raises EndpointUnreachable."""
    replays = Replays()
    link = await transport.open(replays.hear)
    closed = asyncio.create_task(link.closed())
    found: list[Divergence | None] = []
    try:
        for begin in range(0, len(subjects), AT_ONCE):
            batch = enumerate(subjects[begin : begin + AT_ONCE], begin + 1)
            found += await asyncio.gather(
                *(_replay(link, closed, replays, slot, contracts, each) for slot, each in batch)
            )
    finally:
        closed.cancel()
        await link.close()
    return [divergence for divergence in found if divergence is not None]


class Replays:
    """What an endpoint says of the replays under way."""

    def __init__(self) -> None:
        self._first: dict[int, asyncio.Future[EndpointFrame]] = {}

    def expect(self, slot: int) -> "asyncio.Future[EndpointFrame]":
        """The first frame of a slot."""
        first: asyncio.Future[EndpointFrame] = asyncio.get_running_loop().create_future()
        self._first[slot] = first
        return first

    def hear(self, frames: Sequence[EndpointFrame]) -> None:
        """Frames of the endpoint; only the first of a replay says anything."""
        for frame in frames:
            first = self._first.pop(frame.slot, None)
            if first is not None:
                first.set_result(frame)


async def _replay(
    link: Link, closed: "asyncio.Task[str]", replays: Replays, slot: int, contracts: Contracts, subject: Subject
) -> Divergence | None:
    invocation = subject.invocation
    service = contracts.get(invocation.target.service)
    facts = service.handlers.get(invocation.target.handler) if service is not None else None
    if facts is None:
        return Divergence(invocation, f"{invocation.target.service}/{invocation.target.handler} is gone")
    # What the journal says was read comes from the journal; all other state is left to commands.
    frame = start_frame(Start(invocation, _closed(subject.journal), {}, partial=True), facts, "")
    frame.inactivity_timeout_ms = INACTIVITY_MS
    hush(frame.headers)
    first = replays.expect(slot)
    link.send(NodeFrame(slot=slot, start=frame))
    waiting: list[asyncio.Future[EndpointFrame] | asyncio.Future[str]] = [first, closed]
    await asyncio.wait(waiting, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    link.send(NodeFrame(slot=slot, abort=session_pb2.Abort(reason="its journal has been replayed")))
    if first.done():
        message = _judge(subject, facts, first.result())
        return Divergence(invocation, message) if message else None
    if closed.done():
        raise EndpointUnreachable(f"the session broke while {invocation.id} was replayed: {closed.result()}")
    return Divergence(invocation, f"it did not come to the end of its journal within {PATIENCE_S:g} s")


def _closed(journal: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The journal, and after it an error for each step without a result: a handler cannot leave memory in a step."""
    failure = Failure(code=ABORTED, message="a replay runs no steps")
    open_steps = sorted(Journal(journal).open_steps)
    return (*journal, *(Entry(completion=Completion(command=step, failure=failure)) for step in open_steps))


def _judge(subject: Subject, facts: HandlerFacts, frame: EndpointFrame) -> str:
    """What is not repeated, or nothing."""
    invocation = subject.invocation
    if frame.HasField("attempt_failure"):
        if Journal(subject.journal).open_steps and not frame.attempt_failure.journal_mismatch:
            return ""  # It came to the end of its journal, and made that of the error which it found there.
        return "" if _failed_alike(invocation, frame.attempt_failure) else frame.attempt_failure.message
    if not isinstance(invocation.status, Ended):
        return ""
    outcome = invocation.status.outcome
    if _is_of_the_node(outcome) or frame.outcome == outcome:
        return ""
    if frame.HasField("entry") and frame.entry.WhichOneof("entry") in READS:
        return ""  # A read that nothing followed is not in its journal, and so what came of it cannot be told.
    if frame.HasField("outcome"):
        return f"it ended with {_text(outcome, facts)}, and ends with {_text(frame.outcome, facts)}"
    beyond = describe(frame.entry) if frame.HasField("entry") else "a wait"
    return f"it ended with {_text(outcome, facts)}, and goes on with {beyond}"


def _is_of_the_node(outcome: Outcome) -> bool:
    """Whether no handler ended it: its journal may stop anywhere."""
    failure = outcome.failure
    return failure.message.startswith(GAVE_UP) or (failure.code, failure.message) == (ABORTED, KILLED)


def _failed_alike(invocation: Invocation, failure: AttemptFailure) -> bool:
    """Whether the code that wrote the journal failed in the same way: then it is repeated, failure and all."""
    return not failure.journal_mismatch and invocation.last_error.rstrip().endswith(failure.message.rstrip())


def _text(outcome: Outcome, facts: HandlerFacts) -> str:
    if outcome.HasField("failure"):
        return f"the error {outcome.failure.message[:MAX_CHARACTERS]!r}"
    try:
        response = facts.response.FromString(outcome.value)
        return json_format.MessageToJson(response, indent=None)[:MAX_CHARACTERS]
    except (DecodeError, ValueError, TypeError):
        return f"{len(outcome.value)} bytes that are no {facts.response.DESCRIPTOR.full_name}"
