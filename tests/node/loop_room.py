"""A partition loop under the test's control: commits happen when the test says so."""

import asyncio
from collections.abc import Collection, Mapping
from typing import TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, RunCommand
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.partition.effect import Effect, Start
from perdure_runtime.partition.input import AttemptEnded, Command, Input, StepEnded, Submit
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Mode, Target, Timer
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StaleEpoch
from perdure_runtime.storage.memory import MemoryStorage

NOW_MS = 1_000_000
GREET = Target("test.v1.Greeter", "Greet", "")
E = TypeVar("E", bound=Effect)


class Gate:
    """A committer that waits for the test before each commit."""

    def __init__(self, storage: MemoryStorage) -> None:
        self._storage = storage
        self.waiting: list[Writes] = []
        self._may: asyncio.Queue[None] = asyncio.Queue()

    async def commit(self, writes: Writes) -> None:
        """Commits once the test has opened."""
        self.waiting.append(writes)
        await self._may.get()
        self.waiting.remove(writes)
        self._storage.stage(writes)
        self._storage.commit()

    def close(self) -> None:
        """Nothing of ours outlives the loop."""

    def open(self) -> None:
        """Lets one commit go on."""
        self._may.put_nowait(None)


class Room:
    """A loop, and all that it did to the outside. A Shell itself."""

    def __init__(self) -> None:
        self.storage = MemoryStorage()
        self.storage.acquire()
        self.gate = Gate(self.storage)
        self.effects: list[Effect] = []
        self.starts: asyncio.Queue[Start] = asyncio.Queue()
        self.lost: list[str] = []
        self.refused: list[Input] = []
        self.loop = PartitionLoop(self.storage, self.gate, self, lambda: NOW_MS)
        self._run = asyncio.create_task(self.loop.run())

    def act(self, effect: Effect) -> None:
        """Notes an effect."""
        self.effects.append(effect)
        if isinstance(effect, Start):
            self.starts.put_nowait(effect)

    def set_timers(self, timers: Mapping[Timer, bool]) -> None:
        """Timers are not the matter here."""

    def lose_unsaved(self, error: Exception) -> None:
        """Notes that memory was lost."""
        self.lost.append(str(error))

    def loaded(self) -> None:
        """What is durable is not the matter here."""

    def evicted(self, partitions: Collection[int]) -> None:
        """This loop cannot go on without its partition."""
        raise StaleEpoch(partitions)

    def refuse(self, input: Input, error: Exception) -> None:
        """Notes a refused input."""
        self.refused.append(input)

    def seen(self, kind: type[E]) -> list[E]:
        """Effects of one kind so far."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    async def close(self) -> None:
        """Ends the loop."""
        self._run.cancel()
        await asyncio.gather(self._run, return_exceptions=True)


async def settle() -> None:
    """Lets all that can run now run: some turns of the event loop, in which no clock moves."""
    for _ in range(20):
        await asyncio.sleep(0)


def submit(id: str, target: Target = GREET) -> Submit:
    """A call from outside."""
    return Submit(id, target, mode=Mode(exclusive=bool(target.key)), input=b"hello")


def run_step(start: Start, command: int) -> Command:
    """The attempt asks for a step."""
    entry = Entry(run=RunCommand(name=f"step {command}"))
    return Command(start.invocation.id, start.invocation.attempt, command, entry)


def step_ended(start: Start, command: int) -> StepEnded:
    """The attempt has run a step."""
    return StepEnded(start.invocation.id, start.invocation.attempt, Completion(command=command, value=b"done"))


def ended(start: Start) -> AttemptEnded:
    """The attempt is over."""
    return AttemptEnded(start.invocation.id, start.invocation.attempt, Outcome(value=b"bye"), Execution())
