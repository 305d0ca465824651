"""The saga is killed at every instant of its life, and ends the same."""

import asyncio
from pathlib import Path

import pytest

from examples import ledger
from examples.order_saga import bank, warehouse
from tests.simulation.world import LINES, World, written

VICTIMS = [("runtime",), ("orders",), ("accounts",), ("mail",), ("runtime", "orders")]
TIMEOUT_S = 20.0


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of its own, and a world without latency."""
    monkeypatch.setenv("PERDURE_LEDGER", str(tmp_path / "ledger.txt"))
    monkeypatch.setattr(bank, "LATENCY_S", 0)
    monkeypatch.setattr(warehouse, "LATENCY_S", 0)


async def live(kill_at: int | None, victims: tuple[str, ...]) -> World:
    """One life of the order, with one kill; checks all that must hold at its end."""
    world = World(kill_at)
    await world.start()
    async with asyncio.timeout(TIMEOUT_S):
        ordering = asyncio.create_task(world.order())
        killing = asyncio.create_task(world.instants.due.wait())
        await asyncio.wait([ordering, killing], return_when=asyncio.FIRST_COMPLETED)
        if killing.done():
            await world.kill(victims)
        killing.cancel()
        receipt = await ordering
        again = await world.order()
    await world.close()
    assert again == receipt
    assert (receipt.order_id, receipt.total_cents, receipt.points) == ("o-1", 2000, 20)
    lines = ledger.read("o-1")
    assert set(lines) == {f"charged 2000 as {receipt.payment_id}", "reserved 1 x kettle", "reserved 1 x teapot"}
    assert set(world.acknowledged) == set(LINES.values())
    for line, when_acknowledged in world.acknowledged.items():
        assert written(line) == when_acknowledged, f"{line!r} ran again after its result was durable"
        # At most the one execution that the kill cut off before its result was acknowledged came before.
        assert when_acknowledged <= 2
    return world


@pytest.mark.parametrize("victims", VICTIMS, ids="+".join)
def test_the_saga_ends_the_same_wherever_it_is_killed(victims: tuple[str, ...]) -> None:
    instants = asyncio.run(live(None, victims)).instants.passed
    assert instants > 50
    for kill_at in range(instants):
        ledger.path().unlink()
        try:
            asyncio.run(live(kill_at, victims))
        except (AssertionError, TimeoutError) as error:
            raise AssertionError(f"killed {'+'.join(victims)} at instant {kill_at} of {instants}: {error!r}") from error
