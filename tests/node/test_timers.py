"""Timers fire when they are due, in order, once, and none is forgotten."""

import asyncio
import itertools
from collections.abc import Iterable

import pytest
from perdure_runtime.node import timers as timers_module
from perdure_runtime.node.timers import BURST, HORIZON_MS, Timers
from perdure_runtime.partition.input import Input, TimerDue
from perdure_runtime.partition.rows import Timer, WakeDue
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.memory import MemoryStorage

START_MS = 1_000_000


class Clock:
    """A clock that the test sets; the timers look at it whenever they are woken."""

    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Alarm:
    """Timers over a storage, with what they offered."""

    def __init__(self, stored: Iterable[Timer] = (), unsaved: Iterable[Timer] = ()) -> None:
        self.storage = MemoryStorage()
        self.storage.acquire()
        self.storage.stage(Writes(timers=dict.fromkeys(stored, True)))
        self.storage.commit()
        self.clock = Clock()
        self.fired: list[Timer] = []
        self.pending = Writes(timers=dict.fromkeys(unsaved, True))
        self.timers = Timers(self.storage, self._offer, lambda: [self.pending], self.clock)

    def _offer(self, input: Input) -> None:
        assert isinstance(input, TimerDue)
        self.fired.append(input.timer)

    def step(self, now_ms: int) -> list[Timer]:
        """Sets the clock, lets the timers look at it until none is due, and returns what fired."""
        self.clock.now_ms = now_ms
        before = len(self.fired)
        while self.timers.look(now_ms) == BURST:
            pass
        return self.fired[before:]


def wake(due_ms: int, number: int = 0) -> Timer:
    """A sleep's timer."""
    return Timer(due_ms, "inv_1", WakeDue(number))


def test_stored_timers_fire_in_order_and_never_early() -> None:
    alarm = Alarm([wake(START_MS + 30), wake(START_MS + 10), wake(START_MS + 20)])
    assert alarm.step(START_MS) == []
    assert alarm.step(START_MS + 9) == []
    assert alarm.step(START_MS + 20) == [wake(START_MS + 10), wake(START_MS + 20)]
    assert alarm.step(START_MS + 30) == [wake(START_MS + 30)]
    assert alarm.step(START_MS + HORIZON_MS * 3) == []


def test_a_timer_beyond_the_horizon_is_read_when_it_comes_near() -> None:
    far = wake(START_MS + HORIZON_MS * 5)
    alarm = Alarm([far])
    for now_ms in range(START_MS, far.due_ms, HORIZON_MS // 3):
        assert alarm.step(now_ms) == []
    assert alarm.step(far.due_ms) == [far]


def test_a_timer_that_was_set_and_is_not_yet_durable_when_its_time_is_read_is_not_missed() -> None:
    far = wake(START_MS + HORIZON_MS * 2)
    alarm = Alarm(unsaved=[far])
    alarm.timers.set({far: True})
    for now_ms in range(START_MS, far.due_ms, HORIZON_MS // 3):
        alarm.step(now_ms)
    assert alarm.step(far.due_ms) == [far]


def test_a_near_timer_fires_though_storage_is_not_read_again() -> None:
    alarm = Alarm()
    alarm.step(START_MS)
    alarm.timers.set({wake(START_MS + 5): True})
    assert alarm.step(START_MS + 5) == [wake(START_MS + 5)]


def test_a_cleared_timer_does_not_fire() -> None:
    alarm = Alarm([wake(START_MS + 5)])
    alarm.step(START_MS)
    alarm.timers.set({wake(START_MS + 5): False})
    assert alarm.step(START_MS + 5) == []


@pytest.mark.parametrize("same_millisecond", [True, False])
def test_a_burst_larger_than_a_page_fires_whole_and_once(same_millisecond: bool) -> None:
    burst = [wake(START_MS + (0 if same_millisecond else number // 7), number) for number in range(10_000)]
    alarm = Alarm(burst)
    fired: list[Timer] = []
    for now_ms in itertools.islice(itertools.count(START_MS), 2_000):
        fired += alarm.step(now_ms)
    assert sorted(fired, key=lambda timer: (timer.due_ms, str(timer.purpose))) == sorted(
        burst, key=lambda timer: (timer.due_ms, str(timer.purpose))
    )
    assert [timer.due_ms for timer in fired] == sorted(timer.due_ms for timer in fired)


def test_after_memory_is_lost_timers_come_back_from_storage() -> None:
    alarm = Alarm([wake(START_MS + 5)])
    alarm.step(START_MS)
    alarm.timers.set({wake(START_MS + 6): True})
    alarm.timers.forget()
    assert alarm.step(START_MS + 6) == [wake(START_MS + 5)]


def test_the_task_wakes_for_a_timer_that_is_set_while_it_sleeps() -> None:
    async def story() -> None:
        alarm = Alarm()
        due = asyncio.Event()
        timers = Timers(alarm.storage, lambda _: due.set(), lambda: [alarm.pending], alarm.clock)
        task = asyncio.create_task(timers.run())
        await asyncio.sleep(0)
        timers.set({wake(START_MS): True})
        await due.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())


def test_a_read_that_fails_does_not_end_the_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers_module, "LONGEST_SLEEP_S", 0)

    async def story() -> None:
        alarm = Alarm([wake(START_MS)])
        read = alarm.storage.timers
        failures = iter([StorageFailure("the disk stutters")])

        def stutter(from_ms: int, before_ms: int, limit: int | None) -> list[Timer]:
            for failure in failures:
                raise failure
            return read(from_ms, before_ms, limit)

        alarm.storage.timers = stutter  # type: ignore[method-assign]  # a disk that fails once
        due = asyncio.Event()
        timers = Timers(alarm.storage, lambda _: due.set(), lambda: [alarm.pending], alarm.clock)
        task = asyncio.create_task(timers.run())
        await due.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
