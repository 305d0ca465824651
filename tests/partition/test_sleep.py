"""Sleeps."""

from perdure_runtime.partition.effect import Notify, Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import LAST_MS, Suspended, Timer, WakeDue
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import NOTHING, completed, completion, sleep


def test_a_sleep_is_a_timer(room: Room) -> None:
    room.submit("inv_a")
    step = room.command("inv_a", 0, sleep(1_000))

    timer = Timer(NOW_MS + 1_000, "inv_a", WakeDue(0))
    assert step == Step(Writes(journal={("inv_a", 0): sleep(1_000)}, timers={timer: True}), [])


def test_the_timer_completes_the_sleep_of_a_running_attempt(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    timer = room.timer()
    step = room.fire(timer)

    assert step == Step(
        Writes(journal={("inv_a", 1): completed(0, NOW_MS + 1_000)}, timers={timer: False}),
        [Notify("inv_a", 1, completion(0, NOW_MS + 1_000))],
    )


def test_the_timer_wakes_a_suspended_invocation(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.suspend("inv_a", 0)
    step = room.fire(room.timer())

    assert step.effects == [Start(room.row("inv_a"), (sleep(1_000), completed(0, NOW_MS + 1_000)), {})]


def test_a_sleep_that_nobody_awaits_does_not_wake(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.command("inv_a", 1, sleep(5_000))
    room.suspend("inv_a", 1)
    step = room.fire(min(room.store.timers, key=lambda timer: timer.due_ms))

    assert step.effects == []
    assert room.status("inv_a") == Suspended((1,))


def test_a_timer_that_fires_twice_completes_once(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    timer = room.timer()
    room.fire(timer)

    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])


def test_a_timer_that_fires_after_the_end_only_goes(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    timer = room.timer()
    room.end("inv_a")

    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])


def test_a_sleep_without_end_is_cut_to_the_last_moment_that_storage_holds(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(2**62))

    assert room.timer().due_ms == LAST_MS


def test_a_sleep_of_less_than_nothing_is_over_at_once(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(-5))

    assert room.timer().due_ms == NOW_MS


def test_a_repeated_sleep_sets_no_second_timer(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, sleep(1_000))
    room.now_ms += 1

    assert room.command("inv_a", 0, sleep(1_000)) == NOTHING
