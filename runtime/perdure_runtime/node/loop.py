"""The loop of the partitions that a node owns in one database: inputs in, applied in order, committed in batches,
effects out.

While a batch commits the next one forms. What an effect waits for is the rule of ``partition.effect``: an attempt may
see results before they are durable; a step starts once all that its attempt was told is; the world hears of a batch
only after its commit.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from perdure_runtime.node.batch import Batch
from perdure_runtime.node.shell import Committer, Shell
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
from perdure_runtime.partition.input import AttemptLost, Command, EditRefused, Input, Submit
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.loading import LoadingView
from perdure_runtime.partition.machine import apply
from perdure_runtime.partition.memory import Memory
from perdure_runtime.partition.recipient import recipient
from perdure_runtime.partition.recovery import recover
from perdure_runtime.partition.rows import IdempotencyKey, Invocation
from perdure_runtime.partition.view import InvocationDocument, NotLoaded
from perdure_runtime.partition.writes import Writes
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import Parcel, StaleEpoch, Storage, StorageFailure
from perdure_runtime.telemetry.metrics import Metrics

# So many inputs in a row, then sockets get their turn.
MAX_INPUTS_A_TURN = 256
RECOVERY_PAGE = 1_000
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """An input that somebody waits for to be durable."""

    input: Input
    barrier: "asyncio.Future[None]"


class PartitionLoop:
    """Applies inputs to the partitions that are here. All methods belong to the event loop's thread."""

    def __init__(
        self,
        storage: Storage,
        committer: Committer,
        shell: Shell,
        clock_ms: Callable[[], int],
        watch: Watch | None = None,
    ) -> None:
        self._storage = storage
        self._committer = committer
        self._shell = shell
        self._clock_ms = clock_ms
        self._watch = Watch(Metrics()) if watch is None else watch
        self._placement = storage.placement
        # The one partition of a storage that has no others need not be gained.
        self._owned: frozenset[int] = frozenset(range(1) if self._placement.partitions == 1 else ())
        self._forget()
        self._inputs: deque[Input | Asked | asyncio.Future[None]] = deque()
        self._forming = Batch()
        self._committing: Batch | None = None
        self._turn: asyncio.Handle | None = None
        self._work = asyncio.Event()
        self._pause_s = FIRST_PAUSE_S
        self._closed = False
        # Why the partitions must be loaded again; None while all is well.
        self.fault: Exception | None = None
        self._whole = asyncio.Event()
        self.commits = 0
        self.inputs = 0
        # Of these, those whose batch is durable or lost.
        self._settled = 0

    def offer(self, input: Input) -> None:
        """Applies an input soon, after all that were offered before it."""
        self._enqueue(input)

    def submit(self, submit: Submit) -> None:
        """Offers a call whose id was minted for it just now, and so is new to storage; or was ``repeated``."""
        if not submit.repeated and self._is_here(submit):
            self._memory.know_new(submit.id)
        self.offer(submit)

    def stored(self, invocation_id: str) -> Invocation | None:
        """The durable row of an invocation."""
        document = self._storage.load(InvocationDocument(invocation_id))
        return document if isinstance(document, Invocation) else None

    def latest(self, invocation_id: str) -> Invocation | None:
        """The row of an invocation as the next input will find it, durable or not."""
        try:
            return self._memory.invocation(invocation_id)
        except NotLoaded:
            return self.stored(invocation_id)

    def journal(self, invocation_id: str) -> Journal:
        """The journal of an invocation as the next input will find it, durable or not."""
        try:
            return self._memory.journal(invocation_id)
        except NotLoaded as missing:
            entries = self._storage.load(missing.document)
            return Journal(entries if isinstance(entries, list) else ())

    def named(self, key: IdempotencyKey) -> str | None:
        """The invocation that an idempotency key names, as the next input will find it."""
        try:
            return self._memory.idempotent(key)
        except NotLoaded as missing:
            named = self._storage.load(missing.document)
            return named if isinstance(named, str) else None

    @property
    def in_memory(self) -> int:
        """How many invocations are in memory: those that run, and those whose last writes are on their way."""
        return self._memory.invocations

    @property
    def waiting(self) -> int:
        """How many inputs have been offered and not been applied."""
        return len(self._inputs)

    def pending(self) -> list[Writes]:
        """What has been applied and is not durable, in order."""
        batches = [self._committing, self._forming] if self._committing is not None else [self._forming]
        return [batch.writes for batch in batches]

    async def run(self) -> None:
        """Commits until cancelled. Raises StaleEpoch when another node has taken what this one cannot go on without."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._forming or self.fault is not None:
                if self.fault is not None:
                    await self._start_over(self.fault)
                else:
                    await self._commit()

    async def flush(self) -> None:
        """Waits until all that was offered before is durable. Raises StorageFailure when it is lost instead."""
        barrier: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(barrier)
        await barrier

    async def ask(self, input: Input) -> None:
        """Applies an input and waits until it is durable. Raises EditRefused, and StorageFailure where it is not."""
        asked = Asked(input, asyncio.get_running_loop().create_future())
        self._enqueue(asked)
        await asked.barrier

    def close(self) -> None:
        """Tells all who wait for something to be durable that it never will be, as far as this node knows."""
        self._closed = True
        self._drop_waiting(StorageFailure("the node stops"))

    async def gain(self, partitions: Collection[int]) -> None:
        """Goes on with the work of partitions that are this node's now, as storage knows. Raises StorageFailure."""
        while self.fault is not None:
            # A commit of before may be under way yet, and with it rows of these partitions.
            await self._whole.wait()
        # Before anything happens to them: what begins here was not lost.
        unfinished = await self._unfinished(partitions)
        self._owned |= frozenset(partitions)
        self._memory.gain(partitions)
        self._go_on(*unfinished)

    def release(self, partitions: Collection[int]) -> None:
        """Applies nothing to these partitions any more; what was applied is durable after the next ``flush``."""
        self._owned -= frozenset(partitions)
        self._memory.release(partitions)

    def lose(self, partitions: Collection[int]) -> None:
        """These partitions are another node's: what of any partition is not durable is thrown away."""
        self.release(partitions)
        self._fail(Moved(min(partitions)))
        self._work.set()

    async def _unfinished(self, partitions: Collection[int]) -> tuple[list[AttemptLost], list[Parcel]]:
        """What was running, and what was yet to arrive, when these partitions were last in memory."""
        lost: list[AttemptLost] = []
        after = ""
        while page := self._storage.active(partitions, after, RECOVERY_PAGE):
            lost += recover(page)
            after = page[-1].id
            await asyncio.sleep(0)
        return lost, self._storage.outbox(partitions)

    def _go_on(self, unfinished: Sequence[AttemptLost], unsent: Sequence[Parcel]) -> None:
        for lost in unfinished:
            self.offer(lost)
        for parcel in unsent:
            self._shell.act(Deliver(parcel.source, parcel.destination, parcel.seq, parcel.message))

    def _forget(self) -> None:
        self._memory = Memory(self._placement, self._owned)
        self._view = LoadingView(self._memory, lambda document: self._storage.load(document))

    def _is_here(self, input: Input) -> bool:
        if self._placement.partitions == 1:
            return bool(self._owned)  # Nobody has to look for its recipient.
        return recipient(input, self._placement) in self._owned

    def _enqueue(self, item: "Input | Asked | asyncio.Future[None]") -> None:
        if not self._closed:
            self._inputs.append(item)
            self._plan_turn()
        elif isinstance(item, Asked):
            _raise(item.barrier, StorageFailure("the node stops"))
        elif isinstance(item, asyncio.Future):
            _raise(item, StorageFailure("the node stops"))
        else:
            self._shell.refuse(item, StorageFailure("the node stops"))

    def _plan_turn(self) -> None:
        # While the partition is loaded again, what comes in waits.
        if self._turn is None and self._inputs and self.fault is None:
            self._turn = asyncio.get_running_loop().call_soon(self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        if self.fault is not None:
            return
        now_ms = self._clock_ms()
        try:
            for _ in range(MAX_INPUTS_A_TURN):
                if not self._inputs or self.fault is not None:
                    break
                item = self._inputs.popleft()
                if isinstance(item, asyncio.Future):
                    self._forming.barriers.append(item)
                elif not isinstance(item, Asked):
                    self._apply(item, now_ms)
                elif (refused := self._apply(item.input, now_ms)) is None:
                    self._forming.barriers.append(item.barrier)
                elif isinstance(refused, Moved | EditRefused):
                    _raise(item.barrier, refused)
                else:
                    _raise(item.barrier, StorageFailure(f"{type(refused).__name__}: {refused}"))
        finally:
            self._plan_turn()
            if (self._forming or self.fault is not None) and self._committing is None:
                self._work.set()

    def _apply(self, input: Input, now_ms: int) -> Exception | None:
        """Decides an input, and says why where it could not be decided."""
        self.inputs += 1
        if not self._is_here(input):
            moved = Moved(recipient(input, self._placement))
            self._shell.refuse(input, moved)
            return moved
        try:
            step = apply(self._view, input, now_ms)
        except EditRefused as refused:
            return refused
        except Exception as error:
            if isinstance(error, StorageFailure) and self._pause_s == FIRST_PAUSE_S:
                # An attempt says its last word once: without it its invocation would run for ever.
                log.error("a read failed: %s; the partitions are loaded again from storage", error)
                self._fail(error)
            else:
                # A bug, or a row that cannot be read even then, must cost this input alone, and be seen.
                about = {"invocation_id": getattr(input, "invocation_id", "")}
                log.exception("refused %s", type(input).__name__, extra=about)
                self._shell.refuse(input, error)
            return error
        finally:
            if isinstance(input, Submit):
                self._memory.visit(input.id)
        self._memory.absorb(step.writes)
        self._forming.writes.merge(step.writes)
        if isinstance(input, Command) and input.entry.HasField("awakeable"):
            # Its id is chance of this attempt. A step may tell it to the world, and then it must be found.
            self._forming.told.add(input.invocation_id)
        if step.writes.timers:
            self._shell.set_timers(step.writes.timers)
        for effect in step.effects:
            self._dispatch(effect)
        return None

    def _dispatch(self, effect: Effect) -> None:
        match effect:
            case Start():
                self._forming.told.add(effect.invocation.id)
                self._shell.act(effect)
            case Notify() | NotifyCancelled() | Accept():
                self._forming.told.add(effect.invocation_id)
                self._shell.act(effect)
            case Abort():
                self._shell.act(effect)
            case Grant():
                if effect.invocation_id in self._forming.told:
                    self._forming.effects.append(effect)
                elif self._committing is not None and effect.invocation_id in self._committing.told:
                    self._committing.effects.append(effect)
                else:
                    self._shell.act(effect)
            case Accepted() | Refused() | Answer() | Deliver() | Acknowledge():
                self._forming.effects.append(effect)

    async def _commit(self) -> None:
        batch, self._forming = self._forming, Batch()
        self._committing = batch
        inputs, self._settled = self.inputs - self._settled, self.inputs
        clock = asyncio.get_running_loop()
        begun_at = clock.time()
        try:
            if batch.writes:
                await self._committer.commit(batch.writes)
                self.commits += 1
                self._watch.committed(batch.writes, inputs, clock.time() - begun_at)
        except StaleEpoch as stale:
            self._shell.evicted(stale.partitions)
            self.release(stale.partitions)
            await self._start_over(Moved(min(stale.partitions)))
            return
        except StorageFailure as failure:
            log.error("a commit failed: %s; the partitions are loaded again from storage", failure)
            await self._start_over(failure)
            return
        self._committing = None
        self._pause_s = FIRST_PAUSE_S
        self._memory.settle(batch.writes, self._forming.writes)
        for effect in batch.effects:
            self._shell.act(effect)
        for barrier in batch.barriers:
            if not barrier.done():
                barrier.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self.fault is None:
            self.fault = error

    def _drop_waiting(self, error: Exception) -> None:
        """Forgets what is not durable, and says so to all who wait for that."""
        barriers = [item.barrier for item in self._inputs if isinstance(item, Asked)]
        barriers += [item for item in self._inputs if isinstance(item, asyncio.Future)]
        for batch in (self._committing, self._forming):
            barriers += batch.barriers if batch is not None else ()
        self._inputs.clear()
        self._forming, self._committing = Batch(), None
        for barrier in barriers:
            _raise(barrier, error)

    async def _start_over(self, error: Exception) -> None:
        """The one way back: what was not durable is gone, and storage says how things are."""
        self.fault = error
        self._forget()
        self._shell.lose_unsaved(error)
        self._drop_waiting(error)
        if not isinstance(error, Moved):
            self._watch.storage_failed()
            # A disk that is full now may not be so soon; asking it at once again only fills the log.
            await asyncio.sleep(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
        self.fault = None
        whole, self._whole = self._whole, asyncio.Event()
        whole.set()
        try:
            self._go_on(*await self._unfinished(self._owned))
            self._shell.loaded()
        except StorageFailure as failure:
            log.error("the partitions could not be loaded: %s", failure)
            self._fail(failure)
        self._plan_turn()


def _raise(barrier: "asyncio.Future[None]", error: Exception) -> None:
    if not barrier.done():
        barrier.set_exception(error)
