"""A warehouse that holds items for orders."""

import asyncio
import os

import perdure

from examples.ledger import write

# How long the warehouse takes: long enough to watch.
LATENCY_S = float(os.environ.get("EXAMPLE_LATENCY_S", "0.2"))


async def reserve(order_id: str, sku: str, quantity: int) -> None:
    """Holds items for an order. There never are unicorns."""
    await asyncio.sleep(LATENCY_S)
    if sku == "unicorn":
        raise perdure.TerminalError(f"{sku} is out of stock", code=perdure.StatusCode.FAILED_PRECONDITION)
    write(order_id, f"reserved {quantity} x {sku}")


async def release(order_id: str, sku: str) -> None:
    """Lets go of what an order holds."""
    await asyncio.sleep(LATENCY_S)
    write(order_id, f"released {sku}")
