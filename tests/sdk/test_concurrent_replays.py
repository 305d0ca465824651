"""Handlers with tasks of their own, news in any order and at any moment: a replay does what the first attempt did."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta

import perdure
import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import Context, TerminalError, codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame

from tests.sdk.contract import Word
from tests.sdk.node import Node, cancelled, done, play, turns

SLEEPS = 4


async def note(ctx: Context, log: list[str], what: str) -> None:
    """Notes something, and runs a step, so that the journal has the order too."""
    log.append(what)
    await ctx.run(what, lambda: None)


async def sleep(ctx: Context, log: list[str], number: int) -> None:
    """Notes when it wakes."""
    await ctx.sleep(timedelta(milliseconds=number))
    await note(ctx, log, f"woke {number}")


async def in_tasks(ctx: Context, log: list[str]) -> None:
    """All sleeps, each in a task."""
    await asyncio.gather(*[sleep(ctx, log, number) for number in range(SLEEPS)])


async def in_a_group(ctx: Context, log: list[str]) -> None:
    """The same, while the handler itself waits for one."""
    async with asyncio.TaskGroup() as group:
        for number in range(1, SLEEPS):
            group.create_task(sleep(ctx, log, number))
        await sleep(ctx, log, 0)


async def in_nested_tasks(ctx: Context, log: list[str]) -> None:
    """Tasks within tasks, and combinations in them."""

    async def pair(first: int) -> None:
        one, other = (ctx.sleep(timedelta(milliseconds=first + number)) for number in range(2))
        await perdure.race(one, other)
        await note(ctx, log, f"one of {first}")
        await asyncio.gather(one, other)
        await note(ctx, log, f"both of {first}")

    await asyncio.gather(*[asyncio.create_task(pair(first)) for first in range(0, SLEEPS, 2)])


async def one_by_one(ctx: Context, log: list[str]) -> None:
    """No tasks at all."""
    sleeps = [ctx.sleep(timedelta(milliseconds=number)) for number in range(SLEEPS)]
    async for each in perdure.as_completed(*sleeps):
        await note(ctx, log, f"woke {each!r}")


def compensating(wait: Callable[[Context, list[str]], Awaitable[None]]) -> Callable[[Context, Word], Awaitable[Word]]:
    """A handler that waits so; when it is cancelled it notes that, undoes something, and ends."""

    async def do(ctx: Context, request: Word) -> Word:
        log: list[str] = []
        try:
            await wait(ctx, log)
        except (TerminalError, ExceptionGroup):
            with ctx.shield():
                for number in range(2):
                    await note(ctx, log, f"undid {number}")
        return Word(text=", ".join(log))

    return do


class Run:
    """A node that journals what it is told, in the order in which it takes it.

    Attributes:
        journal: All entries.
        outcome: What the handler ended with.
    """

    def __init__(self, node: Node, seed: int) -> None:
        self.node = node
        self.journal: list[Entry] = []
        self.outcome: str | None = None
        self._chance = random.Random(seed)
        self._sleeping: list[int] = []
        self._steps: list[int] = []
        self._commands = 0
        self._cancelled = False

    async def to_the_end(self) -> None:
        """Lets things happen, in any order, until the handler has ended."""
        while self.outcome is None:
            if self._chance.random() < 0.5:
                await turns()
            while (frame := self.node.poll()) is not None:
                self._take(frame)
            if self.outcome is None:
                await self._happen(self._chance.choice(self._possible()))

    def _possible(self) -> list[int | str]:
        possible: list[int | str] = [*self._sleeping, *self._steps]
        if not self._cancelled:
            possible.append("cancel")
        return possible or ["nothing"]

    async def _happen(self, what: int | str) -> None:
        if what == "cancel":
            self._cancelled = True
            self.journal.append(cancelled())
            self.node.cancel()
        elif isinstance(what, int) and what in self._sleeping:
            self._sleeping.remove(what)
            self.journal.append(done(what))
            self.node.complete(what)
        elif isinstance(what, str):
            await turns()
        else:
            self._steps.remove(what)
            self.node.grant(what)

    def _take(self, frame: EndpointFrame) -> None:
        if not frame.HasField("entry"):
            assert frame.outcome.HasField("value"), frame
            self.outcome = codec.decode(Word, frame.outcome.value).text
            return
        self.journal.append(frame.entry)
        if frame.entry.HasField("completion"):
            command = frame.entry.completion.command
            if command in self._steps:
                self._steps.remove(command)  # Given up before it was granted.
            self.node.accept(command)
            return
        (self._steps if frame.entry.HasField("run") else self._sleeping).append(self._commands)
        self._commands += 1


class Again:
    """A node that lets the next attempt have the rest of a journal as news.

    Attributes:
        commands: What the attempt has issued.
        outcome: What the handler ended with.
    """

    def __init__(self, node: Node) -> None:
        self.commands: list[Entry] = []
        self.outcome: str | None = None
        self._node = node
        self._reported: set[int] = set()

    async def live(self, journal: list[Entry], cut: int) -> None:
        """All of it, from there on."""
        commands = commands_in(journal)
        # Steps that were given up were never granted.
        ended = {entry.completion.command for entry in journal if entry.completion.HasField("value")}
        ended -= {entry.completion.command for entry in journal[:cut]}
        issued = before = len(commands_in(journal[:cut]))
        for command in range(before):
            if command in ended and commands[command].HasField("run"):
                await self._step(command)
        for entry in journal[cut:]:
            command = entry.completion.command
            if entry.HasField("cancellation"):
                self._node.cancel()
            elif not entry.HasField("completion"):
                while self.outcome is None and len(self.commands) < issued - before + 1:
                    await self._take()
                if issued in ended and entry.HasField("run"):
                    await self._step(issued)
                issued += 1
            elif commands[command].HasField("sleep"):
                self._node.complete(command)
            else:
                # It may end without the last steps of tasks that it has left behind.
                while self.outcome is None and command not in self._reported:
                    await self._take()
                self._node.accept(command)
        while self.outcome is None:
            await self._take()

    async def _step(self, command: int) -> None:
        """Lets a step run before a cancellation can keep it from that."""
        self._node.grant(command)
        while self.outcome is None and command not in self._reported:
            await self._take()

    async def _take(self) -> None:
        frame = await self._node.next()
        if frame.HasField("outcome"):
            self.outcome = codec.decode(Word, frame.outcome.value).text
        elif frame.entry.HasField("completion"):
            self._reported.add(frame.entry.completion.command)
        else:
            assert frame.HasField("entry"), frame
            self.commands.append(frame.entry)


def is_repeatable(journal: list[Entry], cut: int) -> bool:
    """Whether an attempt can get results as the journal has them: it gives up steps that a cancellation finds open."""
    begun = commands_in(journal[: journal.index(cancelled())] if cancelled() in journal[:cut] else [])
    seen = {entry.completion.command for entry in journal[:cut]}
    late = {entry.completion.command for entry in journal[cut:] if entry.completion.HasField("value")} - seen
    return not any(entry.HasField("run") and command in late for command, entry in enumerate(begun))


def commands_in(journal: list[Entry]) -> list[Entry]:
    """What a handler has issued."""
    return [entry for entry in journal if entry.WhichOneof("entry") in ("sleep", "run")]


@pytest.mark.parametrize("wait", [in_tasks, in_a_group, in_nested_tasks, one_by_one])
@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_a_replay_of_any_part_goes_on_as_the_first_attempt_did(
    wait: Callable[[Context, list[str]], Awaitable[None]], seed: int, cut: float
) -> None:
    async def story(node: Node) -> None:
        node.start()
        run = Run(node, seed)
        await run.to_the_end()
        node.start(slot=2, journal=run.journal, attempt=2)
        assert (await node.result()).text == run.outcome
        first = int(len(run.journal) * cut)
        while not is_repeatable(run.journal, first):
            first -= 1
        node.start(slot=1, journal=run.journal[:first], attempt=3)
        again = Again(node)
        await again.live(run.journal, first)
        assert again.outcome == run.outcome
        assert again.commands == commands_in(run.journal[first:])

    play(compensating(wait), story)
