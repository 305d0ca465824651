"""A runtime node: one partition with its storage, timers and invoker, from start to close."""

import asyncio
import logging
import secrets
from collections.abc import Mapping

from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure_runtime.ingress.port import AlreadyExists, EndpointUnavailable, NodeStops, NotAccepted
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.calls import Calls, Entropy
from perdure_runtime.node.clock import ClockMs, wall_clock_ms
from perdure_runtime.node.committer import ThreadedCommitter
from perdure_runtime.node.loop import Committer, PartitionLoop
from perdure_runtime.node.operations import Operations
from perdure_runtime.node.retention import sweep
from perdure_runtime.node.timers import Timers
from perdure_runtime.node.waiters import Waiters
from perdure_runtime.partition.effect import (
    Abort,
    Accept,
    Accepted,
    Answer,
    Effect,
    Grant,
    Notify,
    NotifyCancelled,
    Refused,
    Start,
)
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    StepEnded,
    StepFailed,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.policy import DEFAULT, Execution
from perdure_runtime.partition.rows import Timer
from perdure_runtime.storage.api import Storage, StorageFailure

# A timer, or the loss of an attempt, that could not be handled is offered again after so long.
AGAIN_S = 5.0
# So many attempts may wait for their endpoint to come to them before timers start no more for a moment.
MOST_SILENT = 256

log = logging.getLogger(__name__)


class Node:
    """``calls`` is what the ingress talks to, ``operations`` what the admin API does."""

    def __init__(
        self,
        storage: Storage,
        clock_ms: ClockMs = wall_clock_ms,
        committer: Committer | None = None,
        entropy: Entropy = secrets.randbits,
        defaults: Execution = DEFAULT,
    ) -> None:
        """``defaults`` is how handlers are run whose contracts say nothing about it."""
        self._storage = storage
        self._clock_ms = clock_ms
        self._committer = ThreadedCommitter(storage) if committer is None else committer
        self._waiters = Waiters()
        self.loop = PartitionLoop(storage, self._committer, self, clock_ms)
        self.invoker = Invoker(self.loop.offer, self._report_away)
        self._timers = Timers(storage, self.loop.offer, self.loop.pending, clock_ms, self._is_crowded)
        self.calls = Calls(self.loop, self.invoker, self._waiters, clock_ms, entropy)
        self.operations = Operations(storage, self.loop, self.invoker, clock_ms, entropy, defaults)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Takes the partition and goes on with what was running. Raises StorageInUse, StorageFailure."""
        self._storage.acquire()
        self.operations.restore()
        await self.loop.recover()
        self._tasks = [
            asyncio.create_task(self.loop.run(), name="partition"),
            asyncio.create_task(self._timers.run(), name="timers"),
            asyncio.create_task(
                sweep(self._storage, self.loop.offer, self.loop.flush, self._clock_ms), name="retention"
            ),
        ]

    async def failed(self) -> None:
        """Waits until a part of the node has stopped, and raises why: the process must end and be started again."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def clock_moved(self) -> None:
        """The node's clock, which tests set by hand, was moved on: what is due by now happens."""
        self._timers.clock_moved()

    async def close(self) -> None:
        """Stops. What is not durable yet is lost, as in a crash: nobody was told of it."""
        await self.invoker.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._committer.close()
        self.loop.close()
        self._waiters.close(lambda: NotAccepted("the node stops"), NodeStops)
        self._storage.close()

    def act(self, effect: Effect) -> None:
        """Does what the partition asks for."""
        match effect:
            case Start():
                self.invoker.start(effect)
            case Notify() | NotifyCancelled() | Accept() | Grant() | Abort():
                self.invoker.act(effect)
            case Accepted(submitted, invocation_id):
                try:
                    self._waiters.accept(submitted, invocation_id, self.calls.outcome)
                except StorageFailure as failure:
                    # This caller alone must ask again.
                    self._waiters.refuse(submitted, NotAccepted(str(failure)))
                away = self.invoker.stuck(invocation_id)
                if away is not None:
                    self._fail_waiters(away, [invocation_id])
            case Refused(submitted, invocation_id):
                self._waiters.refuse(submitted, AlreadyExists(invocation_id))
            case Answer(invocation_id, outcome):
                self._waiters.end(invocation_id, outcome)

    def set_timers(self, timers: Mapping[Timer, bool]) -> None:
        """Timers were set (true) or cleared."""
        self._timers.set(timers)

    def lose(self, reason: str) -> None:
        """All that was not durable is gone."""
        self.invoker.abort_all("the node loads its partition again")
        self._timers.forget()
        self._waiters.refuse_all(lambda: NotAccepted(reason))
        # Some have attached to what was not durable: nobody would ever answer them.
        lost = [id for id in self._waiters.awaited if not self._is_stored(id)]
        self._waiters.fail(lost, lambda id: NotAccepted(reason))

    def refuse(self, input: Input, error: Exception) -> None:
        """An input could not be applied: a bug, which must cost neither a caller nor an invocation its end."""
        match input:
            case Submit():
                self._waiters.refuse(input.id, NotAccepted(f"{type(error).__name__}: {error}"))
            case Command() | StepEnded() | StepFailed() | AttemptEnded() | AttemptSuspended():
                # Else the invocation would look for ever as if it ran.
                reason = f"the node could not take what the attempt said: {type(error).__name__}: {error}"
                self.invoker.act(Abort(input.invocation_id, input.attempt, reason))
                failure = AttemptFailure(message=reason)
                self.loop.offer(AttemptFailed(input.invocation_id, input.attempt, failure, DEFAULT))
            case AttemptLost() | AttemptFailed():
                # The invocation would look for ever as if it ran. Of an older attempt it changes nothing by then.
                asyncio.get_running_loop().call_later(AGAIN_S, self.loop.offer, input)
            case TimerDue(timer):
                # Its row is there yet: else what sleeps would never wake.
                asyncio.get_running_loop().call_later(AGAIN_S, self._timers.set, {timer: True})
            case _:
                pass  # The loop has logged it, and has told who waits for it.

    def _is_stored(self, invocation_id: str) -> bool:
        try:
            return self.loop.stored(invocation_id) is not None
        except StorageFailure:
            # Nobody can say now: who waits must ask again.
            return False

    def _is_crowded(self) -> bool:
        return self.invoker.silent > MOST_SILENT

    def _report_away(self, connection: Connection) -> None:
        self._fail_waiters(connection, connection.waiting())

    def _fail_waiters(self, connection: Connection, invocation_ids: list[str]) -> None:
        self._waiters.fail(invocation_ids, lambda id: EndpointUnavailable(id, connection.address, connection.away))
