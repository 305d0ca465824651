"""The session of a test with its handlers: the real one, which can be broken, and made to replay all the time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from perdure import Endpoint
from perdure.errors import PerdureError
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    Abort,
    AttemptFailure,
    EndpointFrame,
    NodeFrame,
    Start,
    Suspension,
)

from perdure_runtime.invoker.transport import Link, OnFrames
from perdure_runtime.testing.crashes import Crashes
from perdure_runtime.testing.errors import raised_by
from perdure_runtime.testing.record import Record


@dataclass(frozen=True, slots=True)
class Habits:
    """How handlers run in a test.

    Attributes:
        always_replay: An attempt starts over with each result that it gets.
        retries: What failed is tried again.
        retention: What has ended is forgotten as contracts say, and not kept for the whole test.
    """

    always_replay: bool
    retries: bool
    retention: bool


class TestTransport:
    """Opens sessions with the handlers of a test, each of them a new process as far as the node knows.

    Attributes:
        failures: What the last failed attempt of an invocation raised.
    """

    __test__ = False  # pytest looks at classes of this name.

    address = "the test"

    def __init__(
        self, endpoint: Endpoint, habits: Habits, record: Record, flush: Callable[[], Awaitable[None]]
    ) -> None:
        """``flush`` waits until all that the node has heard is durable."""
        self.endpoint = endpoint
        self.habits = habits
        self.record = record
        self.flush = flush
        self.crashes = Crashes(self._crash)
        self.failures: dict[str, PerdureError] = {}
        self._link: TestLink | None = None

    async def open(self, on_frames: OnFrames) -> Link:
        """Starts over after a crash."""
        self._link = TestLink(self, on_frames)
        return self._link

    def _crash(self) -> None:
        if self._link is not None:
            self._link.crash()


@dataclass(slots=True)
class Running:
    """An attempt under way, with the steps of it that may have begun and have no result yet."""

    start: Start
    steps: set[int] = field(default_factory=set)


class TestLink:
    """One session. What the handlers say reaches the node frame by frame, so that a crash can come between any two."""

    __test__ = False

    def __init__(self, transport: TestTransport, on_frames: OnFrames) -> None:
        self._transport = transport
        self._on_frames = on_frames
        self._session = EndpointSession(transport.endpoint, self._hear)
        self._running: dict[int, Running] = {}
        self._heard: deque[EndpointFrame] = deque()
        self._held: list[NodeFrame] = []
        self._news = asyncio.Event()
        self._dead = asyncio.Event()
        self._listener = asyncio.create_task(self._listen(), name="session of the test")

    def send(self, frame: NodeFrame) -> None:
        """Gives the handlers a frame, now."""
        if self._dead.is_set():
            return
        running = self._running.get(frame.slot)
        kind = frame.WhichOneof("frame")
        if kind == "start":
            self._running[frame.slot] = Running(frame.start)
        elif running is not None and kind == "grant":
            running.steps.add(frame.grant.command)
            if self._transport.crashes.ordered:
                # A crash right after the command of a step comes before the step, in every run.
                self._held.append(frame)
                self._news.set()
                return
        elif running is not None and kind == "accepted":
            running.steps.discard(frame.accepted.command)
            if self._starts_over(frame.slot, running, frame.accepted.command):
                return
        elif running is not None and kind == "completion":
            if self._starts_over(frame.slot, running, frame.completion.command):
                return
        elif kind == "abort":
            self._running.pop(frame.slot, None)
        self._session.receive((frame,))

    def crash(self) -> None:
        """The process of the handlers dies: it says and hears nothing more."""
        self._dead.set()

    async def closed(self) -> str:
        """Waits for the crash."""
        await self._dead.wait()
        return "the test ordered a crash"

    async def close(self) -> None:
        """Stops what a dead process would not do any more."""
        self._dead.set()
        self._listener.cancel()
        await self._session.close()

    def _starts_over(self, slot: int, running: Running, command: int) -> bool:
        """Whether the attempt sees this result in a replay."""
        if not self._transport.habits.always_replay or running.steps:
            # A step that is under way would run a second time.
            return False
        self._stop(slot, "the test lets every result be seen in a replay")
        # As if the handler had left memory at this await.
        self._hear([EndpointFrame(slot=slot, suspension=Suspension(awaiting=[command]))])
        return True

    def _stop(self, slot: int, reason: str) -> None:
        self._session.receive((NodeFrame(slot=slot, abort=Abort(reason=reason)),))

    def _hear(self, frames: Sequence[EndpointFrame]) -> None:
        self._heard.extend(frames)
        self._news.set()

    async def _listen(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._heard or self._held:
                if self._transport.crashes.ordered:
                    # What was said before is durable first: the crash comes at this frame, and not around it.
                    await self._transport.flush()
                if self._dead.is_set():
                    return
                held, self._held = self._held, []
                self._session.receive(held)
                if self._heard:
                    self._pass_on(self._heard.popleft())

    def _pass_on(self, frame: EndpointFrame) -> None:
        running = self._running.get(frame.slot)
        kind = frame.WhichOneof("frame")
        if running is not None:
            if kind == "entry" and self._dies_before(running, frame):
                return
            if frame.entry.HasField("step_failure") and not self._transport.habits.retries:
                # Steps have retries of their own, within the attempt.
                self._stop(frame.slot, "the test tries nothing again")
                failure = AttemptFailure(message=frame.entry.step_failure.message)
                frame, kind = EndpointFrame(slot=frame.slot, attempt_failure=failure), "attempt_failure"
            if kind == "attempt_failure":
                self._note_failure(running, frame.attempt_failure)
            if kind != "entry":
                del self._running[frame.slot]
        self._on_frames((frame,))
        if running is not None and frame.entry.HasField("step_failure"):
            self._try_again(frame.slot, running, frame.entry.step_failure.command)

    def _try_again(self, slot: int, running: Running, step: int) -> None:
        """Steps wait for their next try in real time: the next attempt does not."""
        if running.steps == {step}:
            self._stop(slot, "the test does not wait between the tries of a step")
            self._hear([EndpointFrame(slot=slot, suspension=Suspension(awaiting=[step]))])

    def _dies_before(self, running: Running, frame: EndpointFrame) -> bool:
        recorded = self._transport.record.find(running.start.invocation_id)
        crashes = self._transport.crashes
        return crashes.ordered and recorded is not None and crashes.before_made(recorded.place(frame.entry))

    def _note_failure(self, running: Running, failure: AttemptFailure) -> None:
        target, invocation_id = running.start.target, running.start.invocation_id
        error = raised_by(f"{target.service}/{target.handler}", invocation_id, failure)
        self._transport.failures[invocation_id] = error
