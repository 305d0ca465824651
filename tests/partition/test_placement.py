"""Where things are: all of a key together, and everything where its id says."""

import pytest
from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import (
    Acknowledged,
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    CancelInvocation,
    Command,
    CompleteAwakeable,
    Input,
    Kill,
    Pause,
    Purge,
    Receive,
    Restart,
    Resume,
    SignalInvocation,
    StepEnded,
    StepFailed,
    Submit,
    TimerDue,
)
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.recipient import recipient
from perdure_runtime.partition.rows import SHARED, IdempotencyKey, StartDue, Target, Timer

from tests.partition.room import NOW_MS
from tests.partition.samples import ALICE, EMAIL, FOREVER, ORDER, completion, outcome, run

PLACEMENT = Placement(64)
ID = ids.mint(NOW_MS, 7, 0xC400)
AWK = f"awk_{ID.removeprefix('inv_')}_0_c0ffee"


@pytest.mark.parametrize("partitions", [1, 2, 3, 64, 4_096])
def test_the_partitions_share_all_places_evenly_and_in_order(partitions: int) -> None:
    placement = Placement(partitions)
    parts = [placement.of_place(place) for place in range(1 << 16)]
    sizes = {parts.count(part) for part in {0, partitions // 2, partitions - 1}}

    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0, partitions - 1)
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize("place", [0, 1, 0x7FFF, 0x8000, 0xFFFF])
def test_an_id_tells_its_place(place: int) -> None:
    assert ids.place_of(ids.mint(NOW_MS, 2**64 - 1, place)) == place
    assert ids.place_of(ids.child(NOW_MS, ID, 3, place)) == place


def test_all_of_a_key_lies_in_one_partition() -> None:
    place = ids.place_of_key(ALICE.service, ALICE.key)
    other = Target(ALICE.service, "Close", ALICE.key)

    assert PLACEMENT.of_key(ALICE.service, ALICE.key) == PLACEMENT.of_place(place)
    assert PLACEMENT.of_invocation(ids.mint(NOW_MS, 1, place)) == PLACEMENT.of_place(place)
    assert PLACEMENT.of_name(IdempotencyKey(ALICE, "k")) == PLACEMENT.of_name(IdempotencyKey(other, "another"))
    assert PLACEMENT.of_name(IdempotencyKey(ALICE, "k")) == PLACEMENT.of_place(place)


def test_calls_without_a_key_are_spread_by_their_idempotency_keys() -> None:
    partitions = {PLACEMENT.of_name(IdempotencyKey(EMAIL, f"o-{number}")) for number in range(2_000)}

    assert partitions == set(range(64))


@pytest.mark.parametrize("nonsense", ["", "inv_", "what?", "inv_01HF7YAT00????000000000001"])
def test_what_is_no_id_lies_in_the_first_partition(nonsense: str) -> None:
    assert PLACEMENT.of_invocation(nonsense) == 0


INPUTS: list[Input] = [
    Submit(ID, ORDER, SHARED, b""),
    Command(ID, 1, 0, run()),
    StepEnded(ID, 1, completion(0, 1)),
    StepFailed(ID, 1, StepFailure(), 1),
    AttemptEnded(ID, 1, outcome(b""), FOREVER),
    AttemptFailed(ID, 1, AttemptFailure(), FOREVER),
    AttemptSuspended(ID, 1, (0,)),
    AttemptLost(ID, 1),
    TimerDue(Timer(1, ID, StartDue())),
    Resume(ID),
    Pause(ID),
    CancelInvocation(ID),
    Kill(ID),
    Restart(ID, "inv_new"),
    SignalInvocation(ID, "go", outcome(b"")),
    CompleteAwakeable(AWK, outcome(b"")),
    Purge(ID),
    Receive(1, 49, 1, Message()),
    Acknowledged(49, 1, 1),
]


@pytest.mark.parametrize("input", INPUTS, ids=lambda input: type(input).__name__)
def test_an_input_is_for_the_partition_that_decides_it(input: Input) -> None:
    assert recipient(input, PLACEMENT) == 49


def test_an_awakeable_that_is_none_is_for_the_first_partition() -> None:
    assert recipient(CompleteAwakeable("what?", outcome(b"")), PLACEMENT) == 0
