"""What a cancelled invocation has called is held for it: its handler is told of its cancellation first."""

from perdure_runtime.partition.effect import Answer, Notify, NotifyCancelled
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import Ended
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import NOTHING, attach, completion, failure, outcome

CANCELLED = failure("cancelled", code=1)
KEPT = Execution(outcome_retention_ms=1_000, journal_retention_ms=5_000)
MINUTES_MS = 300_000


def _called_twice(room: Room) -> tuple[str, str]:
    """inv_a has called one invocation twice, by its key, and another one; then it was cancelled."""
    room.submit("inv_a")
    twice = room.call(command=0, idempotency_key="k")
    room.call(command=1, idempotency_key="k")
    other = room.call(command=2)
    room.cancel("inv_a")
    return twice, other


def test_both_calls_that_became_one_invocation_complete_once_their_handler_was_told(room: Room) -> None:
    twice, other = _called_twice(room)
    assert room.end(twice, CANCELLED).effects == [Answer(twice, outcome(CANCELLED))]
    assert room.store.listeners(twice) == ()

    assert room.end(other, CANCELLED).effects[1:] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        *(Notify("inv_a", 1, completion(command, NOW_MS, CANCELLED)) for command in range(3)),
    ]


def test_the_last_callee_completes_both_of_its_calls_after_the_handler_was_told(room: Room) -> None:
    twice, other = _called_twice(room)
    room.end(other, CANCELLED)

    assert room.end(twice, CANCELLED).effects[1:] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        *(Notify("inv_a", 1, completion(command, NOW_MS, CANCELLED)) for command in range(3)),
    ]


def test_others_who_wait_for_the_same_invocation_get_its_result_at_once(room: Room) -> None:
    twice, _ = _called_twice(room)
    room.submit("inv_b")
    room.command("inv_b", 0, attach(twice))

    assert room.end(twice, b"sent").effects[1:] == [Notify("inv_b", 1, completion(0, NOW_MS, b"sent"))]


def test_a_caller_that_has_ended_gets_neither_of_two_results(room: Room) -> None:
    twice, _ = _called_twice(room)
    room.end("inv_a", b"did not wait")

    assert room.end(twice, CANCELLED).effects == [Answer(twice, outcome(CANCELLED))]


def _until(room: Room, id: str) -> tuple[int, int]:
    status = room.status(id)
    assert isinstance(status, Ended)
    return status.outcome_until_ms - room.now_ms, status.journal_until_ms - room.now_ms


def _held(room: Room, execution: Execution) -> str:
    """A callee that has ended, while another one keeps its cancelled caller waiting."""
    room.submit("inv_a")
    first = room.call()
    room.call(command=1)
    room.cancel("inv_a")
    room.end(first, b"sent", execution)
    return first


def test_what_is_held_past_its_retention_is_looked_at_again_some_minutes_later(room: Room) -> None:
    first = _held(room, KEPT)
    assert room.purge(first) == NOTHING, "its time has not come"

    room.now_ms += 1_000
    assert room.purge(first) == Step(Writes(invocations={first: room.row(first)}), [])
    assert _until(room, first) == (MINUTES_MS, MINUTES_MS)
    assert room.purge(first) == NOTHING

    room.now_ms += MINUTES_MS
    room.kill("inv_a")
    assert room.purge(first).writes.purged == {first}


def test_what_is_kept_for_longer_than_those_minutes_stays_as_it_is(room: Room) -> None:
    first = _held(room, Execution(outcome_retention_ms=0, journal_retention_ms=10_000_000))
    room.purge(first)

    assert _until(room, first) == (MINUTES_MS, 10_000_000)


def test_an_operator_puts_nothing_off(room: Room) -> None:
    first = _held(room, KEPT)
    room.now_ms += 10_000

    assert room.purge(first, now=True) == NOTHING


def test_what_was_swept_before_it_is_held_keeps_what_is_over(room: Room) -> None:
    room.submit("inv_a")
    first = room.call()
    room.call(command=1)
    room.end(first, b"sent", KEPT)
    room.now_ms += 1_000
    room.purge(first)
    room.cancel("inv_a")
    room.now_ms += 4_000
    room.purge(first)

    assert _until(room, first) == (-4_000, MINUTES_MS)
    status = room.status(first)
    assert isinstance(status, Ended)
    assert status.swept
    assert status.next_expiry_ms == room.now_ms + MINUTES_MS
