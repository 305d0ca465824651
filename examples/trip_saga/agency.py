"""A travel agency that takes and gives back flights, hotels and cars; it knows a booking again by its reference."""

import asyncio
import os
from dataclasses import dataclass

import perdure

from examples.ledger import write

# How long the agency takes: long enough to watch.
LATENCY_S = float(os.environ.get("EXAMPLE_LATENCY_S", "0.2"))
CENTS = {"flight": 30_000, "hotel": 20_000, "car": 9_000}
CARLESS = "Venice"


@dataclass(frozen=True, slots=True)
class Booking:
    """Something that is booked.

    Attributes:
        reference: Names it to the agency.
    """

    reference: str
    cents: int


async def book(trip_id: str, what: str, destination: str, reference: str) -> Booking:
    """Takes one thing. There are no cars in Venice."""
    await asyncio.sleep(LATENCY_S)
    if what == "car" and destination == CARLESS:
        raise perdure.TerminalError(f"no {what} in {destination}", code=perdure.StatusCode.FAILED_PRECONDITION)
    write(trip_id, f"booked {what} {reference}")
    return Booking(reference, CENTS[what])


async def give_back(trip_id: str, what: str, reference: str) -> None:
    """Gives one thing back; one that was never taken is no error."""
    await asyncio.sleep(LATENCY_S)
    write(trip_id, f"gave back {what} {reference}")
