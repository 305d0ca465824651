"""Calls from outside."""

from perdure_runtime.partition.effect import Accepted, Start
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.rows import (
    LAST_MS,
    SHARED,
    IdempotencyKey,
    Invocation,
    Running,
    Scheduled,
    StartDue,
    Timer,
)
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import EMAIL, NOTHING, ORDER


def _new(id: str, *, attempt: int = 1, idempotency_key: str = "", input: bytes = b"") -> Invocation:
    return Invocation(id, ORDER, SHARED, input, (), idempotency_key, None, NOW_MS, Running(), attempt)


def test_a_call_starts_at_once_and_is_accepted(room: Room) -> None:
    step = room.submit("inv_a", input=b"order")

    begun = _new("inv_a", input=b"order")
    assert step == Step(
        Writes(invocations={"inv_a": begun}, inserted={"inv_a"}),
        [Start(begun, journal=(), state={}), Accepted("inv_a", "inv_a")],
    )


def test_the_same_call_again_is_accepted_again_and_changes_nothing(room: Room) -> None:
    room.submit("inv_a")
    assert room.submit("inv_a") == Step(Writes(), [Accepted("inv_a", "inv_a", existing=True)])

    room.end("inv_a", b"done")
    assert room.submit("inv_a") == Step(Writes(), [Accepted("inv_a", "inv_a", existing=True)])


def test_an_idempotency_key_names_the_first_call(room: Room) -> None:
    step = room.submit("inv_a", idempotency_key="o-1")

    assert step.writes.idempotency == {IdempotencyKey(ORDER, "o-1"): "inv_a"}
    assert room.submit("inv_b", idempotency_key="o-1") == Step(Writes(), [Accepted("inv_b", "inv_a", existing=True)])


def test_an_idempotency_key_still_names_an_ended_call(room: Room) -> None:
    room.submit("inv_a", idempotency_key="o-1")
    room.end("inv_a", b"done")

    assert room.submit("inv_b", idempotency_key="o-1") == Step(Writes(), [Accepted("inv_b", "inv_a", existing=True)])


def test_an_idempotency_key_counts_within_one_handler(room: Room) -> None:
    room.submit("inv_a", ORDER, idempotency_key="o-1")

    assert Accepted("inv_b", "inv_b") in room.submit("inv_b", EMAIL, idempotency_key="o-1").effects


def test_a_delayed_call_waits_for_its_timer(room: Room) -> None:
    step = room.submit("inv_a", delay_ms=1_000)

    due_ms = NOW_MS + 1_000
    timer = Timer(due_ms, "inv_a", StartDue())
    scheduled = Invocation("inv_a", ORDER, SHARED, b"", (), "", None, NOW_MS, Scheduled(due_ms))
    assert step == Step(
        Writes(invocations={"inv_a": scheduled}, inserted={"inv_a"}, timers={timer: True}),
        [Accepted("inv_a", "inv_a")],
    )

    begun = _new("inv_a")
    assert room.fire(timer) == Step(
        Writes(invocations={"inv_a": begun}, timers={timer: False}), [Start(begun, journal=(), state={})]
    )


def test_a_start_timer_that_fires_twice_starts_once(room: Room) -> None:
    room.submit("inv_a", delay_ms=1_000)
    timer = room.timer()
    room.fire(timer)

    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])


def test_a_delay_without_end_is_cut_to_the_last_moment_that_storage_holds(room: Room) -> None:
    room.submit("inv_a", delay_ms=2**62)

    assert room.status("inv_a") == Scheduled(LAST_MS)


def test_a_delay_that_is_over_already_is_none(room: Room) -> None:
    room.submit("inv_a", delay_ms=-1)

    assert room.status("inv_a") == Running()
    assert room.store.timers == set()


def test_a_timer_of_a_forgotten_invocation_only_goes(room: Room) -> None:
    room.submit("inv_a", delay_ms=1_000)
    timer = room.timer()
    room.fire(timer)
    room.end("inv_a")
    room.now_ms = LAST_MS
    room.purge("inv_a")

    assert room.fire(timer) == Step(Writes(timers={timer: False}), [])


def test_what_an_invocation_that_nobody_knows_sends_changes_nothing(room: Room) -> None:
    assert room.resume("inv_x") == NOTHING
    assert room.purge("inv_x") == NOTHING
