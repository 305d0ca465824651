"""Forgetting ended invocations."""

from perdure_runtime.partition.effect import Accepted
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution
from perdure_runtime.partition.rows import LAST_MS, Ended, IdempotencyKey
from perdure_runtime.partition.writes import Writes

from tests.partition.room import NOW_MS, Room
from tests.partition.samples import FOREVER, NOTHING, ORDER, run


def test_an_invocation_is_forgotten_when_its_retention_is_over(room: Room) -> None:
    room.submit("inv_a")
    room.command("inv_a", 0, run())
    room.end("inv_a")
    room.now_ms = NOW_MS + FOREVER.outcome_retention_ms

    assert room.purge("inv_a") == Step(Writes(purged={"inv_a"}), [])
    assert room.store.invocations == {}
    assert room.store.journals == {}
    assert room.purge("inv_a") == NOTHING


def test_it_is_kept_until_then(room: Room) -> None:
    room.submit("inv_a")
    room.end("inv_a")
    room.now_ms = NOW_MS + FOREVER.outcome_retention_ms - 1

    assert room.purge("inv_a") == NOTHING


def test_what_has_not_ended_is_kept(room: Room) -> None:
    room.submit("inv_a")
    room.now_ms = LAST_MS

    assert room.purge("inv_a") == NOTHING


def test_its_idempotency_key_goes_with_it_and_names_a_new_call_from_then_on(room: Room) -> None:
    room.submit("inv_a", idempotency_key="k")
    room.end("inv_a")
    room.now_ms = NOW_MS + FOREVER.outcome_retention_ms

    assert room.purge("inv_a").writes.idempotency == {IdempotencyKey(ORDER, "k"): None}
    assert room.submit("inv_b", idempotency_key="k").effects[-1] == Accepted("inv_b", "inv_b")


def test_a_retention_without_end_is_cut_to_the_last_moment_that_storage_holds(room: Room) -> None:
    room.submit("inv_a")
    room.end("inv_a", execution=Execution(outcome_retention_ms=2**62))

    status = room.status("inv_a")
    assert isinstance(status, Ended)
    assert status.outcome_until_ms == LAST_MS
