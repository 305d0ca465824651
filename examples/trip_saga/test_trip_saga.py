"""Trips, called from outside: booked as a whole, or undone in reverse."""

import perdure
import pytest
from trips.v1 import Approval, Trip, TripsClient

from examples import ledger
from examples.watching import wait_for_line


def deeds(trip_id: str) -> list[str]:
    """What the agency did for a trip, without the references."""
    return [line.rpartition(" ")[0] for line in ledger.read(trip_id)]


def test_a_trip_is_flight_hotel_and_car(client: perdure.SyncClient) -> None:
    itinerary = TripsClient(client).book(Trip(id="whole", destination="Lisbon"))
    assert ledger.read("whole") == [
        f"booked flight {itinerary.flight}",
        f"booked hotel {itinerary.hotel}",
        f"booked car {itinerary.car}",
    ]


def test_without_a_car_the_others_are_given_back_in_reverse(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="no car in Venice") as failed:
        TripsClient(client).book(Trip(id="carless", destination="Venice"))
    assert failed.value.code is perdure.StatusCode.FAILED_PRECONDITION
    assert deeds("carless") == ["booked flight", "booked hotel", "gave back car", "gave back hotel", "gave back flight"]
    # The references of what was booked are those of what was given back.
    flight, hotel, _, given_hotel, given_flight = (line.split()[-1] for line in ledger.read("carless"))
    assert (given_hotel, given_flight) == (hotel, flight)


def test_a_trip_that_is_cancelled_in_the_middle_is_undone(client: perdure.SyncClient) -> None:
    handle = TripsClient(client).book.send(Trip(id="cancelled", destination="Lisbon", budget_cents=100))
    wait_for_line("cancelled", "booked hotel")
    handle.cancel()
    with pytest.raises(perdure.TerminalError) as cancelled:
        handle.attach()
    assert cancelled.value.code is perdure.StatusCode.CANCELLED
    assert deeds("cancelled") == ["booked flight", "booked hotel", "gave back hotel", "gave back flight"]


def test_a_trip_beyond_its_budget_goes_on_when_somebody_approves(client: perdure.SyncClient) -> None:
    handle = TripsClient(client).book.send(Trip(id="dear", destination="Lisbon", budget_cents=100))
    wait_for_line("dear", "booked hotel")
    assert handle.output() is None
    handle.signal("approved", Approval(by="grace"))
    assert handle.attach().approved_by == "grace"
    assert deeds("dear") == ["booked flight", "booked hotel", "booked car"]
