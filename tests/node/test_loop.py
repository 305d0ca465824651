"""What the loop of a partition promises about the order of commits and effects."""

import asyncio
from collections.abc import Collection, Coroutine
from dataclasses import replace

import pytest
from perdure_runtime.partition.effect import Accept, Accepted, Answer, Grant, Start
from perdure_runtime.partition.input import Resume
from perdure_runtime.partition.memory import Content
from perdure_runtime.partition.rows import Ended, Invocation, Running
from perdure_runtime.partition.view import Document, InvocationDocument
from perdure_runtime.storage.api import StaleEpoch, StorageFailure
from perdure_runtime.storage.memory import MemoryStorage

from tests.node.loop_room import Room, ended, run_step, settle, step_ended, submit


def play(story: Coroutine[None, None, None]) -> None:
    """Runs a story to its end."""
    asyncio.run(story)


def test_an_attempt_starts_before_the_commit_and_its_caller_hears_after_it() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        await settle()
        (start,) = room.seen(Start)
        room.loop.offer(ended(start))
        await settle()
        assert not room.seen(Accepted)
        room.gate.open()
        await settle()
        assert [accepted.invocation_id for accepted in room.seen(Accepted)] == ["inv_1"]
        # The outcome came while the first batch was committing: it is in the second.
        assert not room.seen(Answer)
        room.gate.open()
        await settle()
        assert [answer.outcome.value for answer in room.seen(Answer)] == [b"bye"]
        await room.close()

    play(story())


def test_a_call_that_ends_within_one_turn_costs_one_commit() -> None:
    async def story() -> None:
        room = Room()

        def end_at_once(effect: object) -> None:
            room.effects.append(effect)  # type: ignore[arg-type]  # an Effect
            if isinstance(effect, Start):
                room.loop.offer(ended(effect))

        room.act = end_at_once  # type: ignore[method-assign]  # an endpoint in the same process
        room.loop.submit(submit("inv_1"))
        room.gate.open()
        await settle()
        assert room.loop.commits == 1
        assert room.seen(Answer)
        await room.close()

    play(story())


def test_a_step_waits_for_the_result_of_the_one_before_and_for_nothing_more() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        await settle()
        (start,) = room.seen(Start)
        room.loop.offer(run_step(start, 0))
        await settle()
        assert not room.seen(Grant), "the invocation itself is not durable yet"
        room.gate.open()
        await settle()
        assert [grant.command for grant in room.seen(Grant)] == [0], "the step's own entry need not be"
        assert room.gate.waiting

        room.loop.offer(step_ended(start, 0))
        await settle()
        assert [accept.command for accept in room.seen(Accept)] == [0], "the handler may see the result at once"
        room.loop.offer(run_step(start, 1))
        await settle()
        room.gate.open()
        await settle()
        assert len(room.seen(Grant)) == 1, "the result of the first step is in the batch that commits now"
        room.gate.open()
        await settle()
        assert [grant.command for grant in room.seen(Grant)] == [0, 1]
        await room.close()

    play(story())


def test_inputs_that_come_during_a_commit_share_the_next_one() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        await settle()
        for number in range(2, 100):
            room.loop.submit(submit(f"inv_{number}"))
        await settle()
        room.gate.open()
        await settle()
        assert [len(writes.inserted) for writes in room.gate.waiting] == [98]
        room.gate.open()
        await settle()
        assert room.loop.commits == 2
        await room.close()

    play(story())


def test_a_failed_commit_loses_what_was_not_durable_and_starts_again_what_was() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        room.gate.open()
        await settle()
        room.storage.fail_next_commit("the disk is full")
        room.loop.offer(ended(room.seen(Start)[0]))
        room.loop.submit(submit("inv_2"))
        await settle()
        barrier = asyncio.create_task(room.loop.flush())
        await settle()
        room.gate.open()
        await settle()
        assert room.loop.fault
        assert len(room.lost) == 1
        with pytest.raises(StorageFailure, match="disk is full"):
            await barrier
        await room.starts.get()  # inv_1, and inv_2 which is lost
        await room.starts.get()
        again = (await room.starts.get()).invocation
        assert (again.id, again.attempt) == ("inv_1", 2)
        assert not room.seen(Answer)
        assert room.loop.latest("inv_2") is None
        room.gate.open()
        await settle()
        stored = room.loop.stored("inv_1")
        assert stored is not None
        assert isinstance(stored.status, Running)
        await room.close()

    play(story())


def test_a_node_that_lost_its_partition_stops() -> None:
    async def story() -> None:
        room = Room()
        MemoryStorage(room.storage.rows, shared=True).acquire()
        room.loop.submit(submit("inv_1"))
        await settle()
        room.gate.open()
        with pytest.raises(StaleEpoch):
            await room._run
        assert not room.seen(Accepted)

    play(story())


def test_flush_returns_when_all_that_was_offered_is_durable() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        flushed = asyncio.create_task(room.loop.flush())
        await settle()
        assert not flushed.done()
        room.gate.open()
        await flushed
        assert room.loop.stored("inv_1") is not None
        await room.close()

    play(story())


def test_recovery_starts_running_invocations_and_leaves_ended_ones_alone() -> None:
    async def story() -> None:
        before = Room()
        before.loop.submit(submit("inv_1"))
        before.loop.submit(submit("inv_2"))
        before.gate.open()
        await settle()
        before.loop.offer(ended(before.seen(Start)[0]))
        before.gate.open()
        await settle()
        await before.close()

        after = Room()
        after.storage.close()
        after.storage = before.storage.reopen()
        after.storage.acquire()
        after.loop = type(after.loop)(after.storage, after.gate, after, lambda: 2_000_000)
        await after.loop.gain({0})
        await settle()
        assert [(start.invocation.id, start.invocation.attempt) for start in after.seen(Start)] == [("inv_2", 2)]
        stored = after.loop.stored("inv_1")
        assert stored is not None
        assert isinstance(stored.status, Ended)
        await after.close()

    play(story())


def test_a_read_that_fails_loads_the_partition_again_rather_than_lose_an_input() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        room.gate.open()
        await settle()
        (start,) = room.seen(Start)
        load = room.storage.load
        failures = iter([StorageFailure("the disk stutters")])

        def stutter(document: Document) -> Content:
            for failure in failures:
                raise failure
            return load(document)

        room.storage.load = stutter  # type: ignore[method-assign]  # a disk that fails once
        room.loop.offer(Resume("inv_unknown"))
        room.loop.offer(ended(start))
        await settle()
        assert len(room.lost) == 1
        assert not room.refused

        await room.starts.get()
        again = await room.starts.get()
        assert (again.invocation.id, again.invocation.attempt) == ("inv_1", 2)
        room.loop.offer(ended(again))
        room.gate.open()
        room.gate.open()
        await settle()
        assert room.seen(Answer)
        await room.close()

    play(story())


def test_a_row_that_cannot_be_read_even_then_costs_its_input_alone() -> None:
    async def story() -> None:
        room = Room()
        load = room.storage.load

        def damaged(document: Document) -> Content:
            if document == InvocationDocument("inv_damaged"):
                raise StorageFailure("the row is damaged")
            return load(document)

        room.storage.load = damaged  # type: ignore[method-assign]  # a disk with a hole
        room.loop.offer(Resume("inv_damaged"))
        await settle()
        assert room.loop.fault
        room.loop.offer(Resume("inv_damaged"))
        room.loop.submit(submit("inv_1"))
        await room.starts.get()
        assert room.refused == [Resume("inv_damaged")]
        room.gate.open()
        await settle()
        assert room.seen(Accepted)
        await room.close()

    play(story())


def test_a_partition_that_cannot_be_loaded_is_loaded_later() -> None:
    async def story() -> None:
        room = Room()
        room.loop.submit(submit("inv_1"))
        room.gate.open()
        await settle()
        (start,) = room.seen(Start)
        active = room.storage.active
        failures = iter([StorageFailure("still full")])

        def stutter(partitions: Collection[int], after_id: str, limit: int) -> list[Invocation]:
            for failure in failures:
                raise failure
            return active(partitions, after_id, limit)

        room.storage.active = stutter  # type: ignore[method-assign]  # a disk that fails once
        room.storage.fail_next_commit("the disk is full")
        room.loop.offer(ended(start))
        room.gate.open()
        await room.starts.get()
        again = await room.starts.get()
        assert (again.invocation.id, again.invocation.attempt) == ("inv_1", 2)
        assert room.lost == ["committing a batch failed: the disk is full", "still full"]
        await room.close()

    play(story())


def test_a_call_that_its_key_made_another_one_is_forgotten_after_its_commit() -> None:
    async def story() -> None:
        room = Room()
        keyed = replace(submit("inv_1"), idempotency_key="k")
        room.loop.submit(keyed)
        room.gate.open()
        await settle()
        room.loop.submit(replace(keyed, id="inv_2"))
        room.loop.submit(submit("inv_3"))
        room.gate.open()
        await settle()
        assert [accepted.invocation_id for accepted in room.seen(Accepted)] == ["inv_1", "inv_1", "inv_3"]
        reads: list[str] = []
        room.loop.stored = reads.append  # type: ignore[method-assign, assignment]  # tells what is not in memory
        room.loop.latest("inv_2")
        room.loop.latest("inv_3")
        assert reads == ["inv_2"]
        await room.close()

    play(story())
