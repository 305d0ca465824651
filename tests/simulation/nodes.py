"""The nodes of a simulated world: one owns the partition, and older ones may still believe that they do."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from random import Random
from typing import TypeVar

from perdure_runtime.contracts import Contracts
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.node import Node
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
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.memory import Rows

from tests.simulation.disk import Commits, SimulatedStorage, Trouble
from tests.simulation.durable import Durable
from tests.simulation.network import Connected, Process
from tests.simulation.witness import Witness

T = TypeVar("T")

START_AGAIN_AFTER_S = 0.02
WORDS = (Command, StepEnded, StepFailed, AttemptEnded, AttemptFailed, AttemptSuspended, AttemptLost)
# A node remembers so much of what attempts said, to be told again too late.
MOST_WORDS = 100


class NodeProcess:
    """One node, from its start to its end."""

    def __init__(self, storage: SimulatedStorage, node: Node) -> None:
        self.storage = storage
        self.node = node
        self.ways: list[Connected] = []
        self.alive = True
        self.ready = False
        self.gone = asyncio.Event()
        self.words: deque[Input] = deque(maxlen=MOST_WORDS)
        listen(node.loop, self.words)


class Nodes:
    """Starts nodes and ends them."""

    def __init__(
        self, witness: Witness, random: Random, processes: dict[str, Process], entropy: Callable[[int], int]
    ) -> None:
        self._witness = witness
        self._entropy = entropy
        self._random = random
        self._processes = processes
        self._loop = asyncio.get_running_loop()
        # In the order in which they began: a set would have none.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._clock_ahead_ms = 1_700_000_000_000
        self.rows = Rows()
        self.trouble = Trouble(random)
        self.durable = Durable(witness)
        self.living: list[NodeProcess] = []
        self.owner: NodeProcess | None = None
        # Which process each deployment is at, the oldest first.
        self._deployments = [(f"dp_{name}", name) for name in processes]

    def clock_ms(self) -> int:
        """What the clock of the nodes says."""
        return self._clock_ahead_ms + int(self._loop.time() * 1000)

    def jump(self, ms: int) -> None:
        """Sets the clock forward."""
        self._clock_ahead_ms += ms

    def ready(self) -> list[NodeProcess]:
        """Nodes that callers reach, those that have lost the partition too."""
        return [process for process in self.living if process.ready]

    async def ask(self, process: NodeProcess, asking: Coroutine[object, object, T]) -> T:
        """Asks a node, as one does over a connection. Raises ConnectionError when the node ends before it answers."""
        asked = self._loop.create_task(asking)
        gone = self._loop.create_task(process.gone.wait())
        try:
            await asyncio.wait([asked, gone], return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                return asked.result()
            raise ConnectionError("the node is gone")
        finally:
            asked.cancel()
            gone.cancel()

    def late_words(self, process: NodeProcess) -> list[Input]:
        """What attempts said to a node that do not speak for their invocations any more."""
        rows = self.rows.invocations
        return [
            word
            for word in process.words
            if isinstance(word, WORDS)
            and word.invocation_id in rows
            and word.attempt < rows[word.invocation_id].attempt
        ]

    async def start(self) -> None:
        """Starts a node, which takes the partition; one that cannot read its storage starts again."""
        while True:
            process = self._make()
            try:
                await process.node.start()
            except StorageFailure as failure:
                self._witness.note(f"a node did not start: {failure}")
                if not process.alive:
                    return  # It was killed, and who did that starts another one.
                self.kill(process, keep=False)
                if self.owner is not process:
                    return  # Another one was started meanwhile.
                await asyncio.sleep(START_AGAIN_AFTER_S)
                continue
            break
        if not process.alive:
            await process.node.close()
            return
        for deployment_id, name in self._deployments:
            self._connect(process, deployment_id, name)
        process.ready = True
        self._spawn(self._watch(process))

    def deploy(self, name: str) -> None:
        """Registers an endpoint process once more, as if it had become another one."""
        self._deployments.append((f"dp_{name}_{len(self._deployments)}", name))
        if self.owner is not None and self.owner.ready:
            self._connect(self.owner, *self._deployments[-1])

    async def stop(self, process: NodeProcess, after_s: float) -> None:
        """Stops a node in good order, and starts another one."""
        process.alive = process.ready = False
        self.living.remove(process)
        await process.node.close()
        process.gone.set()
        await asyncio.sleep(after_s)
        await self.start()

    async def replace(self, process: NodeProcess, after_s: float) -> None:
        """Kills a node, in the midst of whatever it does, and starts another one."""
        self.kill(process, keep=self._random.random() < 0.3)
        await asyncio.sleep(after_s)
        await self.start()

    def kill(self, process: NodeProcess, keep: bool) -> None:
        """Ends a node at once; ``keep`` says whether a commit under way still reached the disk."""
        if not process.alive:
            return
        process.alive = process.ready = False
        process.gone.set()
        self.living.remove(process)
        process.storage.crash(keep)
        for way in process.ways:
            way.vanish()
        self._spawn(process.node.close())

    async def close(self) -> None:
        """Ends all of them."""
        for process in list(self.living):
            self.kill(process, keep=False)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connect(self, process: NodeProcess, deployment_id: str, name: str) -> None:
        endpoint = self._processes[name]
        way = Connected(endpoint, lambda: self.owner is process and process.alive)
        process.ways.append(way)
        process.node.invoker.add(way, Contracts.discovered(endpoint.endpoint.discovery()), deployment_id)

    def _make(self) -> NodeProcess:
        def keep(writes: Writes) -> None:
            self.durable.keep(writes, self.owner is process)

        storage = SimulatedStorage(self.rows, self.trouble, keep)
        node = Node(storage, self.clock_ms, Commits(storage), self._entropy)
        process = NodeProcess(storage, node)
        self._witness.note("a node takes the partition")
        self.owner = process
        self.living.append(process)
        return process

    async def _watch(self, process: NodeProcess) -> None:
        try:
            await process.node.failed()
        except StaleEpoch:
            self._witness.note("a node found that it has lost the partition")
            stale = self.owner is not process
            self._witness.check("the owner is not fenced", stale, "the node that took the partition last was fenced")
            self.kill(process, keep=False)
        except Exception as error:
            if process.alive:
                self._witness.breach("nodes run", f"a node stopped: {error!r}")

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)


def listen(loop: PartitionLoop, words: deque[Input]) -> None:
    """Keeps what a partition is told."""
    apply = loop._apply

    def listening(input: Input, now_ms: int) -> None:
        words.append(input)
        apply(input, now_ms)

    loop._apply = listening  # type: ignore[method-assign]  # of this one loop
