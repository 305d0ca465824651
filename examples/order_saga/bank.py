"""A bank that charges cards: it knows a payment again by its id, as real ones do."""

import asyncio
import os

import perdure

from examples.ledger import write

# How long the bank takes: long enough to watch.
LATENCY_S = float(os.environ.get("EXAMPLE_LATENCY_S", "0.2"))


async def charge(order_id: str, payment_id: str, card: str, cents: int) -> None:
    """Takes money from a card. A card that ends in 0002 is declined."""
    await asyncio.sleep(LATENCY_S)
    if card.endswith("0002"):
        raise perdure.TerminalError("the card was declined", code=perdure.StatusCode.FAILED_PRECONDITION)
    write(order_id, f"charged {cents} as {payment_id}")


async def refund(order_id: str, payment_id: str) -> None:
    """Gives the money of a payment back; one that never was is no error."""
    await asyncio.sleep(LATENCY_S)
    write(order_id, f"refunded {payment_id}")
