"""What a cancelled invocation has called is held for it: its handler is told of its cancellation first."""

from perdure_runtime.partition.effect import Answer, Notify, NotifyCancelled

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import EMAIL, attach, call, completion, failure, outcome

CANCELLED = failure("cancelled", code=1)


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
        *(Notify("inv_a", 1, completion(command, NOW_MS, CANCELLED)) for command in (0, 2, 1)),
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


def test_the_result_of_an_older_invocation_is_held_too(room: Room) -> None:
    room.submit("inv_first", EMAIL, idempotency_key="k")
    room.submit("inv_a")
    room.call(command=0, idempotency_key="k")
    own = room.call(command=1)
    room.cancel("inv_a")
    assert room.row("inv_a").callees == 1, "it does not wait for what others have made"
    assert room.end("inv_first", b"sent").effects == [Answer("inv_first", outcome(b"sent"))]
    assert room.store.held("inv_a") == {0: outcome(b"sent")}

    assert room.end(own, CANCELLED).effects[1:] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        Notify("inv_a", 1, completion(0, NOW_MS, b"sent")),
        Notify("inv_a", 1, completion(1, NOW_MS, CANCELLED)),
    ]
    assert room.store.held("inv_a") == {}


def test_an_outcome_that_a_held_back_handler_asks_for_in_time_comes_behind_its_cancellation(room: Room) -> None:
    room.submit("inv_done", EMAIL, idempotency_key="k")
    room.end("inv_done", b"sent")
    room.submit("inv_runs", EMAIL, idempotency_key="r")
    room.submit("inv_a")
    own = room.call(command=0)
    room.cancel("inv_a")
    assert room.command("inv_a", 1, call(EMAIL, idempotency_key="k")).effects == []
    assert room.command("inv_a", 2, call(EMAIL, idempotency_key="r")).effects == []
    assert room.row("inv_a").callees == 1

    assert room.end(own, CANCELLED).effects[1:] == [
        NotifyCancelled("inv_a", 1, NOW_MS),
        Notify("inv_a", 1, completion(0, NOW_MS, CANCELLED)),
        Notify("inv_a", 1, completion(1, NOW_MS, b"sent")),
    ]
    assert room.end("inv_runs", b"too").effects[1:] == [Notify("inv_a", 1, completion(2, NOW_MS, b"too"))]


def test_what_is_no_result_of_a_call_is_not_held(room: Room) -> None:
    room.submit("inv_b")
    room.submit("inv_a")
    room.call(command=0)
    room.command("inv_a", 1, attach("inv_b"))
    room.cancel("inv_a")

    assert room.end("inv_b", b"done").effects[1:] == [Notify("inv_a", 1, completion(1, NOW_MS, b"done"))]


def test_what_is_held_goes_with_the_end_of_its_caller(room: Room) -> None:
    room.submit("inv_a")
    first = room.call()
    room.call(command=1)
    room.cancel("inv_a")
    room.end(first, b"sent")
    assert room.store.held("inv_a") == {0: outcome(b"sent")}

    room.end("inv_a", b"did not wait")
    assert room.store.held("inv_a") == {}


def test_nothing_is_written_for_a_result_that_is_held_within_one_step(room: Room) -> None:
    room.submit("inv_a")
    only = room.call()
    room.cancel("inv_a")

    assert room.end(only, CANCELLED).writes.held == {}
