"""A share: the partitions that a node owns in one database, with their loop, timers and callers."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure_runtime.ingress.port import AlreadyExists, EndpointUnavailable, NodeStops, NotAccepted
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.courier import Courier
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.retention import sweep
from perdure_runtime.node.shell import Committer
from perdure_runtime.node.timers import Timers
from perdure_runtime.node.waiters import Waiters
from perdure_runtime.node.watch import Watch
from perdure_runtime.partition.effect import (
    Abort,
    Accept,
    Accepted,
    Acknowledge,
    Answer,
    Deliver,
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
from perdure_runtime.partition.policy import DEFAULT
from perdure_runtime.partition.rows import Ended, Timer
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import StaleEpoch, Storage, StorageFailure

# A timer, or the loss of an attempt, that could not be handled is offered again after so long.
AGAIN_S = 5.0
# So many attempts may wait for their endpoint to come to them before timers start no more for a moment.
MOST_SILENT = 256

# What to do when another node has taken partitions.
OnEvicted: TypeAlias = Callable[[Collection[int]], None]

log = logging.getLogger(__name__)


class Share:
    """Drives the loop of some partitions. Implements ``membership.holder.Holder``, by which they come and go."""

    def __init__(
        self,
        storage: Storage,
        committer: Committer,
        invoker: Invoker,
        courier: Courier,
        clock_ms: ClockMs,
        is_sure: Callable[[], bool] = lambda: True,
        on_evicted: OnEvicted | None = None,
        watch: Watch | None = None,
    ) -> None:
        """``is_sure`` says whether the lease of this node runs: what it owns may be another's when it does not.

        Without ``on_evicted`` the node stops where another one has taken what was its own.
        """
        self.storage = storage
        self.waiters = Waiters()
        self.loop = PartitionLoop(storage, committer, self, clock_ms, watch)
        self.timers = Timers(storage, self.loop.offer, self.loop.pending, clock_ms, self._is_crowded)
        self._committer = committer
        self._invoker = invoker
        self._courier = courier
        self._clock_ms = clock_ms
        self._is_sure = is_sure
        self._on_evicted = on_evicted
        self._epochs: dict[int, int] = {}
        self._leaving: dict[int, int] = {}
        # Invocations whose end was lost with a commit that may have kept it.
        self._unheard: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def owned(self) -> Mapping[int, int]:
        """The partitions that are here, with their epochs."""
        return self._epochs

    def start(self) -> list[asyncio.Task[None]]:
        """Begins to work. Whoever started it waits for these tasks: one that fails ends the node."""
        self._tasks = [
            asyncio.create_task(self.loop.run(), name="partitions"),
            asyncio.create_task(self.timers.run(), name="timers"),
            asyncio.create_task(
                sweep(self.storage, self.loop.offer, self.loop.flush, self._clock_ms), name="retention"
            ),
        ]
        return self._tasks

    async def acquire(self) -> None:
        """Takes all partitions of a storage that is this node's alone. Raises StorageInUse, StorageFailure."""
        self._epochs = dict(self.storage.acquire())
        await self.loop.gain(self._epochs)

    async def gain(self, epochs: Mapping[int, int]) -> None:
        """Goes on with the work of partitions that are this node's now. Raises StorageFailure."""
        self._epochs |= epochs
        self._own()
        try:
            await self.loop.gain(epochs)
        except StorageFailure:
            self.loop.release(epochs)
            self._drop(epochs)
            raise
        # They may have been lost meanwhile.
        self.loop.release(epochs.keys() - self._epochs.keys())
        self.timers.forget()

    async def release(self, partitions: Collection[int]) -> None:
        """Makes durable what was accepted for these partitions, and does nothing for them any more."""
        leaving = {partition: self._epochs.pop(partition) for partition in partitions if partition in self._epochs}
        # What was applied is yet to be written under their epochs.
        self._leaving |= leaving
        self.loop.release(leaving)
        self._abort(leaving, "its partition moves to another node")
        try:
            await self.loop.flush()
        except (StorageFailure, Moved) as failure:
            # Nobody was told of what is lost with it.
            log.warning("partitions are handed over without their last writes: %s", failure)
        self._drop(leaving)

    def lose(self, partitions: Collection[int]) -> None:
        """Another node has these partitions, or may: nothing is done for them any more."""
        lost = [partition for partition in partitions if partition in self._epochs or partition in self._leaving]
        if lost:
            self.loop.lose(lost)
            self._drop(lost)

    async def close(self) -> None:
        """Stops. What is not durable yet is lost, as in a crash: nobody was told of it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._committer.close()
        self.loop.close()
        self.waiters.close(lambda: NotAccepted("the node stops"), NodeStops)
        self.storage.close()

    def act(self, effect: Effect) -> None:
        """Does what the partitions ask for."""
        match effect:
            case Start():
                self._invoker.start(effect)
            case Grant():
                # Whoever has slept longer than its lease must not begin what its successor may have begun.
                if self._is_sure():
                    self._invoker.act(effect)
                else:
                    self.lose(list(self._epochs))
            case Notify() | NotifyCancelled() | Accept() | Abort():
                self._invoker.act(effect)
            case Accepted():
                self._accept(effect)
            case Refused(submitted, invocation_id):
                self.waiters.refuse(submitted, AlreadyExists(invocation_id))
            case Answer(invocation_id, outcome):
                self.waiters.end(invocation_id, outcome)
            case Deliver():
                self._courier.send(effect)
            case Acknowledge():
                self._courier.acknowledge(effect)

    def set_timers(self, timers: Mapping[Timer, bool]) -> None:
        """Timers were set (true) or cleared."""
        self.timers.set(timers)

    def lose_unsaved(self, error: Exception) -> None:
        """All that was not durable is gone."""
        self._invoker.abort_all("the node loads its partitions again", self._is_ours)
        self.timers.forget()

        def refusal(_: str = "") -> Exception:
            return error if isinstance(error, Moved) else NotAccepted(str(error))

        self.waiters.refuse_all(refusal)
        lost = self.loop.pending()
        begun = {id for writes in lost for id in writes.inserted}
        # Some have attached to what was not durable: nobody would ever answer them.
        self.waiters.fail([id for id in self.waiters.awaited if id in begun], refusal)
        # An end may have been kept all the same, and nobody would hear of it.
        for writes in lost:
            self._unheard.update(row.id for row in writes.invocations.values() if isinstance(row.status, Ended))

    def loaded(self) -> None:
        """Storage says again how things are. Raises StorageFailure."""
        for id in [id for id in self.waiters.awaited if id in self._unheard and self._is_ours(id)]:
            outcome = self.outcome(id)
            if outcome is not None:
                self.waiters.end(id, outcome)
        self._unheard.clear()

    def refuse(self, input: Input, error: Exception) -> None:
        """An input could not be applied: its partition is elsewhere, or there is a bug, which must cost neither a
        caller nor an invocation its end."""
        match input:
            case Submit() if isinstance(error, Moved):
                self.waiters.refuse(input.id, error)
            case Submit():
                self.waiters.refuse(input.id, NotAccepted(f"{type(error).__name__}: {error}"))
            case _ if isinstance(error, Moved):
                pass  # Its owner has storage to go on from, and whoever waits for it has been told.
            case Command() | StepEnded() | StepFailed() | AttemptEnded() | AttemptSuspended():
                # Else the invocation would look for ever as if it ran.
                reason = f"the node could not take what the attempt said: {type(error).__name__}: {error}"
                self._invoker.act(Abort(input.invocation_id, input.attempt, reason))
                failure = AttemptFailure(message=reason)
                self.loop.offer(AttemptFailed(input.invocation_id, input.attempt, failure, DEFAULT))
            case AttemptLost() | AttemptFailed():
                # The invocation would look for ever as if it ran. Of an older attempt it changes nothing by then.
                asyncio.get_running_loop().call_later(AGAIN_S, self.loop.offer, input)
            case TimerDue(timer):
                # Its row is there yet: else what sleeps would never wake.
                asyncio.get_running_loop().call_later(AGAIN_S, self.timers.set, {timer: True})
            case _:
                pass  # The loop has logged it, and has told who waits for it; a message is delivered again.

    def evicted(self, partitions: Collection[int]) -> None:
        """Another node has taken partitions, as the database said. Raises StaleEpoch."""
        if self._on_evicted is None:
            raise StaleEpoch(partitions)
        self._drop([partition for partition in partitions if partition in self._epochs])
        self._on_evicted(partitions)

    def _accept(self, accepted: Accepted) -> None:
        submitted, invocation_id = accepted.submitted, accepted.invocation_id
        partition = self._partition(invocation_id)
        if partition not in self._epochs and partition not in self._leaving:
            # It was lost while this was on its way to storage.
            self.waiters.accept(submitted, invocation_id, False, self.outcome)
            self.waiters.fail([invocation_id], lambda id: Moved(partition, id))
            return
        try:
            self.waiters.accept(submitted, invocation_id, accepted.existing, self.outcome)
        except StorageFailure as failure:
            # This caller alone must ask again.
            self.waiters.refuse(submitted, NotAccepted(str(failure)))
        away = self._invoker.stuck(invocation_id)
        if away is not None:
            self.waiters.fail([invocation_id], lambda id: EndpointUnavailable(id, away.address, away.away))

    def outcome(self, invocation_id: str) -> Outcome | None:
        """The durable outcome of an invocation, or None. Raises StorageFailure."""
        stored = self.loop.stored(invocation_id)
        return stored.status.outcome if stored is not None and isinstance(stored.status, Ended) else None

    def _partition(self, invocation_id: str) -> int:
        return self.storage.placement.of_invocation(invocation_id)

    def _is_ours(self, invocation_id: str) -> bool:
        return self._partition(invocation_id) in self._epochs

    def _own(self) -> None:
        self.storage.own(self._epochs | self._leaving)

    def _drop(self, partitions: Collection[int]) -> None:
        """Forgets partitions, and tells whoever waits here for something in them to ask their owner."""
        gone = frozenset(partitions)
        for partition in gone:
            self._epochs.pop(partition, None)
            self._leaving.pop(partition, None)
        self._own()
        self._abort(gone, "its partition is at another node")
        self.timers.forget()
        self._courier.release(gone)
        waiting = [id for id in self.waiters.awaited if self._partition(id) in gone]
        self.waiters.fail(waiting, lambda id: Moved(self._partition(id), id))

    def _abort(self, partitions: Collection[int], reason: str) -> None:
        self._invoker.abort_all(reason, lambda id: self._partition(id) in partitions)

    def _is_crowded(self) -> bool:
        return self._invoker.silent > MOST_SILENT
