"""The trip saga: flight, hotel and car, or none of them."""

import perdure
from trips.v1 import Approval, Itinerary, Trip, TripsHandlers

from examples.trip_saga import agency


class TripDesk(TripsHandlers):
    """Books trips. An error and a cancellation both leave nothing behind; a crash leaves everything as it was."""

    async def book(self, ctx: perdure.Context, request: Trip) -> Itinerary:
        async with perdure.Saga(ctx) as saga:
            flight = await take(ctx, saga, request, "flight")
            hotel = await take(ctx, saga, request, "hotel")
            approval = Approval()
            if 0 < request.budget_cents < flight.cents + hotel.cents:
                # For as long as it takes: who cancels the trip meanwhile gets flight and hotel undone.
                approval = await ctx.signal("approved", Approval)
            car = await take(ctx, saga, request, "car")
            return Itinerary(flight.reference, hotel.reference, car.reference, approval.by)


async def take(ctx: perdure.Context, saga: perdure.Saga, trip: Trip, what: str) -> agency.Booking:
    """Books one thing, and has it undone when the trip fails."""
    # The same in every attempt: the agency knows a booking again that it has.
    reference = str(ctx.uuid4())
    # Before the booking: who is cancelled while it is made does not know whether it was.
    saga.compensate(f"give back {what}", agency.give_back, trip.id, what, reference)
    return await ctx.run(f"book {what}", agency.book, trip.id, what, trip.destination, reference)


app = perdure.Endpoint(TripDesk())
