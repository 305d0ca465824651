"""The nodes of a simulated world: those that share its partitions, and those that believe they still do."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import TypeAlias, TypeVar

from perdure_runtime.contracts import Contracts
from perdure_runtime.partition.input import (
    Acknowledged,
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    Receive,
    StepEnded,
    StepFailed,
)
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.partitions import partitions_of

from tests.simulation.databases import Databases
from tests.simulation.disk import Trouble
from tests.simulation.durable import Durable
from tests.simulation.loop import VirtualLoop
from tests.simulation.network import Connected, Process
from tests.simulation.peering import Peering
from tests.simulation.process import NodeProcess
from tests.simulation.shape import Shape
from tests.simulation.witness import Witness

T = TypeVar("T")

START_AGAIN_AFTER_S = 0.02
Word: TypeAlias = Command | StepEnded | StepFailed | AttemptEnded | AttemptFailed | AttemptSuspended | AttemptLost
# Who leaves in good order, and cannot hand over what it has, goes after so long.
DRAIN_WITHIN_S = 3.0


class Nodes:
    """Starts nodes and ends them."""

    def __init__(
        self,
        shape: Shape,
        witness: Witness,
        random: Random,
        processes: dict[str, Process],
        entropy: Callable[[int], int],
    ) -> None:
        self.shape = shape
        self.entropy = entropy
        self._witness = witness
        self._random = random
        self._processes = processes
        self._contracts = {
            name: Contracts.discovered(process.endpoint.discovery()) for name, process in processes.items()
        }
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop
        # In the order in which they began: a set would have none.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._watches: list[asyncio.Task[None]] = []
        self._clock_ahead_ms = 1_700_000_000_000
        self._started = 0
        self.rows = Databases(shape.partitions, shape.databases)
        self.trouble = Trouble(random)
        self.durable = Durable(witness, self.rows)
        self.peering = Peering(random, witness)
        self.living: list[NodeProcess] = []
        # Of nodes alone: who has taken all there is last.
        self._taker: NodeProcess | None = None
        # Which process each deployment is at, the oldest first.
        self._deployments = [(f"dp_{name}", name) for name in processes]

    # The clocks.

    def clock_ms(self) -> int:
        """True time."""
        return self._clock_ahead_ms + int(self._loop.time() * 1000)

    def jump(self, ms: int) -> None:
        """Sets all clocks forward."""
        self._clock_ahead_ms += ms

    # Who is there.

    def ready(self) -> list[NodeProcess]:
        """Nodes that callers reach, those that have lost what they had too."""
        return [process for process in self.living if process.ready]

    def victim(self, number: int) -> NodeProcess | None:
        """The node that a fault strikes: of those alone the one that owns what there is."""
        if self.shape.alone:
            return self._taker if self._taker is not None and self._taker.alive else None
        return self.living[number % len(self.living)] if self.living else None

    def holder(self, partition: int) -> NodeProcess | None:
        """The node that has a partition."""
        return next((process for process in self.ready() if process.holds(partition)), None)

    def owner(self, invocation_id: str) -> NodeProcess | None:
        """The node that has an invocation."""
        return self.holder(self.rows.placement.of_invocation(invocation_id))

    def receiver(self) -> tuple[int, NodeProcess] | None:
        """A node that is not the last one, and its partition that messages are on their way to."""
        for _, destination, _ in self.rows.outbox:
            for process in self.living:
                if process.holds(destination) and len(self.living) > 1:
                    return destination, process
        return None

    def knows(self, process: NodeProcess) -> bool:
        """Whether a node can say what there is not."""
        return not self.shape.alone or process is self._taker

    async def ask(self, process: NodeProcess, asking: Coroutine[object, object, T]) -> T:
        """Asks a node, as one does over a connection. Raises ConnectionError when the node ends before it answers."""
        asked = process.group.task(asking)
        gone = self._loop.create_task(process.gone.wait())
        try:
            await asyncio.wait([asked, gone], return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return asked.result()
            raise ConnectionError("the node is gone")
        finally:
            asked.cancel()
            gone.cancel()

    def offer(self, invocation_id: str, input: Input) -> bool:
        """Gives an input to the node that has an invocation, if there is one."""
        return self.offer_to(self.rows.placement.of_invocation(invocation_id), input)

    def offer_to(self, partition: int, input: Input) -> bool:
        """Gives an input to the node that has a partition, if there is one."""
        holder = self.holder(partition)
        if holder is not None:
            holder.offer(input)
        return holder is not None

    def messages(self) -> list[Receive | Acknowledged]:
        """What nodes have heard of messages between partitions."""
        words = (word for process in self.living for word in process.words)
        return [word for word in words if isinstance(word, Receive | Acknowledged)]

    def late_words(self) -> list[Word]:
        """What attempts said to nodes that do not speak for their invocations any more."""
        rows = self.rows.invocations
        return [
            word
            for process in self.living
            for word in process.words
            if isinstance(word, Word) and word.invocation_id in rows and word.attempt < rows[word.invocation_id].attempt
        ]

    # How they come and go.

    async def begin(self) -> None:
        """Starts all that there are at first."""
        await asyncio.gather(*(self.start() for _ in range(self.shape.nodes)))

    async def start(self) -> None:
        """Starts a node; one that cannot read its storage starts again."""
        while True:
            process = self._make()
            try:
                await process.group.task(process.node.start())
            except StorageFailure as failure:
                self._witness.note(f"{process.id} did not start: {failure}")
                if not process.alive:
                    return  # It was killed, and who did that starts another one.
                self.kill(process, keep=False)
                if self.shape.alone and self._taker is not process:
                    return  # Another one was started meanwhile.
                await asyncio.sleep(START_AGAIN_AFTER_S)
                continue
            break
        if not process.alive:
            await process.group.task(process.node.close())
            return
        for deployment_id, name in self._deployments:
            self._connect(process, deployment_id, name)
        process.ready = True
        self._watches.append(self._loop.create_task(self._watch(process)))

    def deploy(self, name: str) -> None:
        """Registers an endpoint process once more, as if it had become another one."""
        self._deployments.append((f"dp_{name}_{len(self._deployments)}", name))
        for process in self.ready():
            if self.knows(process):
                self._connect(process, *self._deployments[-1])

    async def stop(self, process: NodeProcess, drains: bool) -> None:
        """Stops a node in good order: it may hand over what it has first."""
        if drains:
            draining = process.group.task(process.node.drain())
            await asyncio.wait([draining], timeout=DRAIN_WITHIN_S)
            draining.cancel()
            if not process.alive:
                return  # It was killed meanwhile.
        process.alive = process.ready = False
        self.living.remove(process)
        self._loop.thaw(process.group)
        await process.group.task(process.node.close())
        self.peering.lose(process.address)
        process.access.alive = False
        process.gone.set()

    async def replace(self, process: NodeProcess, after_s: float) -> None:
        """Kills a node, in the midst of whatever it does, and starts another one."""
        self.kill(process, keep=self._random.random() < 0.3)
        await asyncio.sleep(after_s)
        await self.start()

    async def freeze(self, process: NodeProcess, seconds: float) -> None:
        """Nothing of a node runs for a while, and then all of it does."""
        self._loop.freeze(process.group)
        await asyncio.sleep(seconds)
        if process.alive and self._random.random() < 0.3:
            self.peering.silence(process.address)
        self._loop.thaw(process.group)

    def kill(self, process: NodeProcess, keep: bool) -> None:
        """Ends a node at once; ``keep`` says whether a commit under way still reached the disk."""
        if not process.alive:
            return
        process.alive = process.ready = process.access.alive = False
        process.gone.set()
        self.living.remove(process)
        for storage in process.storages:
            storage.crash(keep)
        for way in process.ways:
            way.vanish()
        self.peering.lose(process.address)
        self._loop.thaw(process.group)
        self._spawn(process.group.task(process.node.close()))

    async def close(self) -> None:
        """Ends all of them."""
        for process in list(self.living):
            self.kill(process, keep=False)
        # The end of one that was about to be stopped may have been broken off: it would be watched for ever.
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*self._tasks, *self._watches, return_exceptions=True)

    def calm_down(self) -> None:
        """From now on nothing is wrong with what nodes need."""
        self.trouble.end()
        for process in self.living:
            process.access.cut_until_s = 0.0

    # What must hold of them.

    def keep(self, process: NodeProcess, writes: Writes) -> None:
        """A node has made a batch durable."""
        touched = partitions_of(writes, self.rows.placement)
        if self.shape.alone:
            owns = all(process.wrote_last(partition) for partition in touched)
        else:
            owns = all(self.rows.owner(partition) == process.id for partition in touched)
        self.durable.keep(writes, owns)

    def look_at_owners(self) -> None:
        """No two nodes may act on one partition."""
        for partition in range(self.shape.partitions):
            acting = [process.id for process in self.living if process.acts_on(partition)]
            self._witness.check("one node a partition", len(acting) <= 1, f"{acting} act on partition {partition}")

    def look_at_grant(self, process: NodeProcess, invocation_id: str) -> None:
        """A step may start only at a node whose lease runs, and that owns the partition."""
        if self.shape.alone:
            return
        partition = self.rows.placement.of_invocation(invocation_id)
        member = self.rows.member(partition)
        owns = process.wrote_last(partition) and self.rows.owner(partition) == process.id
        runs = owns and member is not None and member.lease_until_s > self._loop.time()
        self._witness.check("steps start under a lease", runs, f"{process.id} let a step of {invocation_id} start")

    def ownerless(self) -> list[int]:
        """The partitions that no node works on."""
        return [
            partition
            for partition in range(self.shape.partitions)
            if not any(process.holds(partition) and process.acts_on(partition) for process in self.ready())
        ]

    def _connect(self, process: NodeProcess, deployment_id: str, name: str) -> None:
        endpoint = self._processes[name]
        way = Connected(endpoint, process)
        process.ways.append(way)
        process.group.run(process.node.invoker.add, way, self._contracts[name], deployment_id)

    def _make(self) -> NodeProcess:
        process = NodeProcess(self, self._started)
        self._started += 1
        self._witness.note(f"{process.id} starts")
        self._taker = process
        self.living.append(process)
        return process

    async def _watch(self, process: NodeProcess) -> None:
        try:
            await process.node.failed()
        except StaleEpoch:
            self._witness.note(f"{process.id} found that it has lost what it had")
            stale = self.shape.alone and self._taker is not process
            self._witness.check("the owner is not fenced", stale, "the node that took the partition last was fenced")
            self.kill(process, keep=False)
        except Exception as error:
            if process.alive:
                self._witness.breach("nodes run", f"{process.id} stopped: {error!r}")

    def _spawn(self, task: asyncio.Task[None]) -> None:
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)
