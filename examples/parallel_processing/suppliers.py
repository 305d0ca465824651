"""Suppliers that one can ask for prices. Some questions they never answer."""

import asyncio
import os

import perdure

from examples.ledger import write

# How long a supplier takes: long enough to watch.
LATENCY_S = float(os.environ.get("EXAMPLE_LATENCY_S", "0.2"))
PRICES = {
    "acme": {"kettle": 4_200, "cup": 450, "teapot": 3_100},
    "globex": {"kettle": 3_900, "cup": 500},
    "initech": {"teapot": 2_900},
}
UNANSWERED = {("globex", "antique"), ("zenith", "cup")}


async def ask(supplier: str, sku: str) -> int:
    """The price in cents."""
    if (supplier, sku) in UNANSWERED:
        try:
            await asyncio.Event().wait()
        finally:
            write(sku, f"hung up on {supplier}")
    await asyncio.sleep(LATENCY_S)
    cents = PRICES.get(supplier, {}).get(sku)
    if cents is None:
        raise perdure.TerminalError(f"{supplier} sells no {sku}", code=perdure.StatusCode.NOT_FOUND)
    return cents
