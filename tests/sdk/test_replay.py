"""A handler that runs again: it gets what it got, in that order, and must do what it did."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure import Context, JournalMismatch, TerminalError, codec, driver, wait
from perdure.vm.state import write_entry
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure

from tests.sdk.contract import CounterContext, CounterSharedContext, CounterState, StoryClient, Word
from tests.sdk.contract import endpoint as counter
from tests.sdk.node import Node, completed, done, play, ran, slept, turns

SECOND = timedelta(seconds=1)


def ran_again() -> str:
    """A step that has a result already."""
    raise AssertionError("it ran again")


def test_recorded_results_come_back_in_order_and_only_what_is_new_is_said() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        first = await ctx.run("first", ran_again)
        await ctx.sleep(SECOND)
        second = await ctx.run("second", lambda: "new")
        return Word(text=f"{first} {second}")

    async def story(node: Node) -> None:
        node.start(journal=[ran("first"), completed(0, "old"), slept(1000), done(1)], attempt=2)
        assert await node.entry() == ran("second")
        node.grant(2)
        await node.entry()
        node.accept(2)
        assert (await node.result()).text == "old new"

    play(do, story)


def test_a_replay_that_needs_nothing_new_ends_in_the_same_turn_in_which_it_starts_to_run() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        total = 0
        for number in range(100):
            total += await ctx.run(f"step {number}", pytest.fail, "it ran again")
        return Word(number=total)

    async def story(node: Node) -> None:
        journal = [entry for number in range(100) for entry in (ran(f"step {number}"), completed(number, number))]
        node.start(journal=journal, attempt=2)
        assert (await node.result()).number == sum(range(100))

    play(do, story)


def test_another_command_than_the_journal_has_pauses_with_both_sides_shown() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        await ctx.run("changed", print)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("original"), completed(0)], attempt=2)
        failure = (await node.next()).attempt_failure
        assert failure.journal_mismatch
        assert "entry 0: the journal says run 'original', the handler did run 'changed'" in failure.message

    play(do, story)


def test_a_mismatch_names_the_line_of_the_handler_that_differs() -> None:
    async def charge(ctx: Context) -> None:
        await ctx.run("changed", print)  # differs

    async def do(ctx: Context, request: Word) -> Word:
        await charge(ctx)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("original"), completed(0)], attempt=2)
        last = (await node.next()).attempt_failure.stacktrace.splitlines()[-4:]
        assert last[0].endswith("in do")
        assert last[1].strip() == "await charge(ctx)"
        assert last[2].endswith("in charge")
        assert last[3].strip() == 'await ctx.run("changed", print)  # differs'

    play(do, story)


def test_a_handler_that_hides_a_mismatch_cannot_end() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(JournalMismatch):
            await ctx.run("changed", print)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[ran("original")], attempt=2)
        assert (await node.next()).attempt_failure.journal_mismatch
        await node.silence()

    play(do, story)


def test_a_handler_that_ends_before_its_journal_does_pauses() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[slept(1000)], attempt=2)
        failure = (await node.next()).attempt_failure
        assert failure.journal_mismatch
        assert "the handler did its end" in failure.message

    play(do, story)


def test_a_handler_that_waits_where_its_journal_goes_on_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "STUCK_AFTER_S", 0.01)

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(SECOND)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[slept(1000), slept(2000)], attempt=2)
        failure = (await node.next()).attempt_failure
        assert failure.journal_mismatch
        assert "a wait for command 0" in failure.message

    play(do, story)


def test_a_handler_that_waits_where_its_journal_goes_on_pauses_however_short_its_inactivity_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver, "STUCK_AFTER_S", 0.05)

    async def do(ctx: Context, request: Word) -> Word:
        await ctx.sleep(SECOND)
        return Word()

    async def story(node: Node) -> None:
        node.start(journal=[slept(1000), slept(2000), done(0)], attempt=2, idle_ms=1)
        assert (await node.next()).attempt_failure.journal_mismatch

    play(do, story)


def test_a_handler_that_is_slow_to_come_to_its_next_command_does_not_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "STUCK_AFTER_S", 0.2)
    go_on = asyncio.Event()

    async def do(ctx: Context, request: Word) -> Word:
        # Waits for long, then for a moment where the journal goes on: the tasks of the handler are about to do so.
        await go_on.wait()
        sleeping = ctx.sleep(SECOND)
        other = asyncio.create_task(later(ctx))
        await sleeping
        return Word(text=await other)

    async def later(ctx: Context) -> str:
        await asyncio.sleep(0.15)
        return await ctx.run("later", lambda: "late")

    async def story(node: Node) -> None:
        node.start(journal=[slept(1000), ran("later"), done(0), completed(1, "late")], attempt=2)
        asyncio.get_running_loop().call_later(0.15, go_on.set)
        assert (await node.result()).text == "late"

    play(do, story)


def test_calls_and_messages_come_back_as_what_they_were() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        stories = StoryClient(ctx)
        answer = await stories.do(Word(text="question"), idempotency_key="k", headers={"a": "b"})
        handle = await stories.do.send(Word(text="message"), delay=timedelta(seconds=2))
        return Word(text=f"{answer.text} {handle.invocation_id}")

    async def story(node: Node) -> None:
        node.start()
        call = await node.entry()
        assert (call.call.target.service, call.call.target.handler) == ("testing.v1.Story", "Do")
        assert (call.call.idempotency_key, dict(call.call.headers)) == ("k", {"a": "b"})
        node.complete(0, codec.encode(Word(text="answer")))
        send = await node.entry()
        assert send.send.delay_ms == 2000
        node.complete(1, b"inv_2")
        assert (await node.result()).text == "answer inv_2"
        value = Entry(completion=Completion(command=0, value=codec.encode(Word(text="answer"))))
        node.start(slot=2, journal=[call, value, send, Entry(completion=Completion(command=1, value=b"inv_2"))])
        assert (await node.result()).text == "answer inv_2"

    play(do, story)


def test_a_terminal_error_of_a_call_is_raised_where_it_is_awaited() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="NOT_FOUND: nobody"):
            await StoryClient(ctx).do(Word())
        return Word()

    async def story(node: Node) -> None:
        node.start()
        await node.entry()
        node.fail(0, 5, "nobody")
        await node.result()

    play(do, story)


def test_gather_gives_results_in_the_order_asked_whatever_the_order_they_come_in() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        stories = StoryClient(ctx)
        words = await asyncio.gather(*[stories.do(Word(number=number)) for number in range(3)])
        return Word(text=" ".join(word.text for word in words))

    async def story(node: Node) -> None:
        node.start()
        for _ in range(3):
            await node.entry()
        for command in (2, 0, 1):
            node.complete(command, codec.encode(Word(text=f"answer{command}")))
        assert (await node.result()).text == "answer0 answer1 answer2"

    play(do, story)


async def _as_completed(ctx: Context, names: list[str]) -> list[str]:
    """Sleeps in tasks; each then runs a step, so that the order of the steps tells who woke first."""
    order: list[str] = []

    async def one(index: int, name: str) -> None:
        await ctx.sleep(timedelta(milliseconds=index))
        order.append(name)
        await ctx.run(name, lambda: None)

    await asyncio.gather(*[one(index, name) for index, name in enumerate(names)])
    return order


async def _waited(ctx: Context, names: list[str]) -> list[str]:
    """The same, with perdure.wait and plain durable futures."""
    order: list[str] = []
    pending: dict[Awaitable[None], str] = {
        ctx.sleep(timedelta(milliseconds=index)): name for index, name in enumerate(names)
    }
    while pending:
        settled, _ = await wait(*pending, first=True)
        for future in settled:
            order.append(pending.pop(future))
            await ctx.run(order[-1], lambda: None)
    return order


@pytest.mark.parametrize("handle", [_as_completed, _waited])
@given(order=st.permutations(range(5)), bursts=st.lists(st.integers(1, 5), min_size=1), seen=st.integers(0, 100))
def test_concurrent_waits_react_to_results_in_the_order_of_the_journal_in_every_attempt(
    handle: Callable[[Context, list[str]], Awaitable[list[str]]], order: list[int], bursts: list[int], seen: int
) -> None:
    names = [f"task {number}" for number in range(5)]

    async def do(ctx: Context, request: Word) -> Word:
        return Word(text=",".join(await handle(ctx, names)))

    async def story(node: Node) -> None:
        node.start()
        journal = [await node.entry() for _ in range(5)]
        coming, sizes = list(order), list(bursts)
        # The sleeps end in any order, some at once; the steps that follow are run as they come.
        while coming:
            size = sizes.pop(0) if sizes else 1
            for command in coming[:size]:
                journal.append(done(command))
                node.complete(command)
            coming = coming[size:]
            await turns()
        first = None
        while first is None:
            frame = await node.next()
            if frame.HasField("outcome"):
                first = codec.decode(Word, frame.outcome.value).text
            elif frame.entry.HasField("run"):
                journal.append(frame.entry)
                node.grant(sum(not entry.HasField("completion") for entry in journal) - 1)
            else:
                journal.append(frame.entry)
                node.accept(frame.entry.completion.command)
        node.start(slot=2, journal=journal, attempt=2)
        assert (await node.result()).text == first
        # An attempt that was cut off anywhere goes on and comes to the same end.
        await _resume(node, journal[: seen % len(journal)], first)

    async def _resume(node: Node, journal: list[Entry], expected: str) -> None:
        node.start(slot=1, journal=journal, attempt=3)
        known = {entry.completion.command for entry in journal if entry.HasField("completion")}
        commands = [entry for entry in journal if not entry.HasField("completion")]
        for command, entry in enumerate(commands):
            if entry.HasField("run") and command not in known:
                node.grant(command)
        while len([each for each in commands if each.HasField("sleep")]) < 5:
            commands.append(await node.entry())
        for command in order:
            if command not in known:
                node.complete(command)
                await turns()
        while True:
            frame = await node.next()
            if frame.HasField("outcome"):
                assert codec.decode(Word, frame.outcome.value).text == expected
                return
            if frame.entry.HasField("run"):
                commands.append(frame.entry)
                node.grant(len(commands) - 1)
            else:
                node.accept(frame.entry.completion.command)

    play(do, story)


def test_state_is_read_as_it_was_and_written_in_order() -> None:
    async def add(ctx: CounterContext, request: Word) -> Word:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        await ctx.run("between", lambda: None)
        ctx.state.names.set([*await ctx.state.names.get(), "new"])
        ctx.state.value.clear()
        return Word(number=value, counter=ctx.key)

    stored = {"value": codec.encode(CounterState(value=4)), "names": codec.encode(CounterState(names=["old"]))}

    async def story(node: Node) -> None:
        node.start("Counter/Add", key="a", state=stored)
        journal = [await node.entry() for _ in range(3)]
        read, wrote, step = journal
        assert read == write_entry("value", stored["value"], read=True)
        assert wrote == write_entry("value", codec.encode(CounterState(value=5)))
        assert step == ran("between")
        node.grant(2)
        journal.append(await node.entry())
        node.accept(2)
        rest = [await node.entry() for _ in range(3)]
        assert rest[1] == write_entry("names", codec.encode(CounterState(names=["old", "new"])))
        assert rest[2] == write_entry("value", None)
        assert await node.result() == Word(number=5, counter="a")
        # The next attempt is sent the state as it is by then, and reads what it read.
        by_then = {"value": codec.encode(CounterState(value=5)), "names": stored["names"]}
        node.start("Counter/Add", journal, slot=2, key="a", state=by_then, attempt=2)
        assert [await node.entry() for _ in range(3)] == rest
        assert await node.result() == Word(number=5, counter="a")

    play(counter(add=add), story)


def test_a_shared_handler_reads_and_journals_nothing() -> None:
    async def read(ctx: CounterSharedContext, request: Word) -> Word:
        assert not hasattr(ctx.state.value, "set")
        exists = await ctx.state.names.exists()
        return Word(number=await ctx.state.value.get(), text=str(exists), counter=ctx.key)

    async def story(node: Node) -> None:
        node.start("Counter/Read", key="a", state={"value": codec.encode(CounterState(value=4))})
        assert await node.result() == Word(number=4, text="False", counter="a")

    play(counter(read=read), story)


def test_a_failed_completion_in_the_journal_is_raised_again() -> None:
    async def do(ctx: Context, request: Word) -> Word:
        with pytest.raises(TerminalError, match="no money"):
            await ctx.run("charge", pytest.fail, "it ran again")
        return Word()

    async def story(node: Node) -> None:
        node.start(
            journal=[
                ran("charge"),
                Entry(completion=Completion(command=0, failure=Failure(code=9, message="no money"))),
            ]
        )
        await node.result()

    play(do, story)
