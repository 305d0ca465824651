"""Parcels that move as their machine says, and no other way."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import perdure
import pytest
from parcels.v1 import IllegalMove, MoveRequest, ParcelClient, Stage, TrackRequest

TIMEOUT_S = 30.0
HOUR = timedelta(hours=1)


def move(client: perdure.SyncClient, parcel: str, *stages: Stage, hold_for: timedelta = HOUR) -> None:
    """Moves a parcel through stages."""
    for stage in stages:
        ParcelClient(client, parcel).move(MoveRequest(to=stage, hold_for=hold_for))


def stages(client: perdure.SyncClient, parcel: str) -> list[Stage]:
    """Where a parcel was so far."""
    return [scan.stage for scan in ParcelClient(client, parcel).track(TrackRequest()).scans]


def test_a_parcel_goes_its_way_and_remembers_it(client: perdure.SyncClient) -> None:
    move(client, "p-1", Stage.POSTED, Stage.IN_TRANSIT, Stage.AT_PICKUP, Stage.DELIVERED)
    tracking = ParcelClient(client, "p-1").track(TrackRequest())
    assert tracking.stage is Stage.DELIVERED
    assert stages(client, "p-1") == [Stage.POSTED, Stage.IN_TRANSIT, Stage.AT_PICKUP, Stage.DELIVERED]
    times = [scan.at for scan in tracking.scans]
    assert times == sorted(times)


def test_an_illegal_move_changes_nothing_and_its_error_tells_programs_what_is_legal(client: perdure.SyncClient) -> None:
    move(client, "p-2", Stage.POSTED, Stage.IN_TRANSIT)
    with pytest.raises(perdure.TerminalError, match="p-2 is IN_TRANSIT: there is no way") as refused:
        move(client, "p-2", Stage.POSTED)
    assert refused.value.code is perdure.StatusCode.FAILED_PRECONDITION
    allowed = [Stage.AT_PICKUP, Stage.DELIVERED, Stage.RETURNED]
    assert refused.value.details == (IllegalMove(stage=Stage.IN_TRANSIT, wanted=Stage.POSTED, allowed=allowed),)
    assert stages(client, "p-2") == [Stage.POSTED, Stage.IN_TRANSIT]


def test_of_two_moves_at_once_that_exclude_each_other_one_is_made(client: perdure.SyncClient) -> None:
    move(client, "p-3", Stage.POSTED, Stage.IN_TRANSIT)

    def attempt(stage: Stage) -> bool:
        try:
            move(client, "p-3", stage)
        except perdure.TerminalError:
            return False
        return True

    with ThreadPoolExecutor() as scanners:
        made = list(scanners.map(attempt, [Stage.DELIVERED, Stage.RETURNED]))
    assert sorted(made) == [False, True]
    assert len(stages(client, "p-3")) == 3


def test_a_parcel_that_nobody_fetches_goes_back(client: perdure.SyncClient) -> None:
    move(client, "p-4", Stage.POSTED, Stage.IN_TRANSIT, Stage.AT_PICKUP, hold_for=timedelta(milliseconds=50))
    wait_until_returned(client, "p-4")
    assert stages(client, "p-4")[-2:] == [Stage.AT_PICKUP, Stage.RETURNED]


def test_a_parcel_that_was_fetched_stays_so_when_its_time_is_over(client: perdure.SyncClient) -> None:
    for parcel in ("fetched", "left"):
        move(client, parcel, Stage.POSTED, Stage.IN_TRANSIT, Stage.AT_PICKUP, hold_for=timedelta(seconds=1))
    move(client, "fetched", Stage.DELIVERED)
    # Its own time is over before that of the other parcel, which came later.
    wait_until_returned(client, "left")
    assert stages(client, "fetched")[-1] is Stage.DELIVERED


def wait_until_returned(client: perdure.SyncClient, parcel: str) -> None:
    """Waits until a parcel has gone back by itself."""
    deadline = time.monotonic() + TIMEOUT_S
    while stages(client, parcel)[-1] is not Stage.RETURNED:
        assert time.monotonic() < deadline, f"{parcel} is {stages(client, parcel)} after {TIMEOUT_S:g} s"
        time.sleep(0.01)  # A message that a handler sends to itself has nobody who waits for it.
