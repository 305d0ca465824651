"""Sleeps: durable, in any number, and in the order of their ends."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import perdure
import pytest
from conformance.v1 import Durations, SleeperClient

feature = pytest.mark.feature


def milliseconds(*numbers: int) -> Durations:
    """Durations of so many milliseconds."""
    return Durations(durations=[timedelta(milliseconds=number) for number in numbers])


@feature("sleep")
def test_each_sleep_takes_its_time(client: perdure.SyncClient) -> None:
    asked = milliseconds(5, 0, 20)

    taken = SleeperClient(client).in_turn(asked)

    assert all(slept >= wanted for slept, wanted in zip(taken.durations, asked.durations, strict=True))


@feature("sleep")
def test_sleeps_of_one_handler_end_in_the_order_of_their_times(client: perdure.SyncClient) -> None:
    assert SleeperClient(client).at_once(milliseconds(120, 5, 60)).numbers == [1, 2, 0]


@feature("sleep")
def test_many_handlers_sleep_at_once(client: perdure.SyncClient) -> None:
    with ThreadPoolExecutor(max_workers=50) as callers:
        sleepers = list(callers.map(lambda _: SleeperClient(client).in_turn(milliseconds(20, 20)), range(100)))

    assert len(sleepers) == 100


@feature("sleep")
def test_a_handler_sleeps_many_times(client: perdure.SyncClient) -> None:
    assert len(SleeperClient(client).at_once(milliseconds(*range(100))).numbers) == 100


@feature("sleep")
def test_a_sleep_of_years_holds_nobody_up(client: perdure.SyncClient) -> None:
    years = Durations(durations=[timedelta(days=365 * 50)])

    assert SleeperClient(client).in_turn.send(years).output() is None
