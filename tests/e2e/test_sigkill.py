"""Real processes, real SQLite files, real SIGKILL: orders end once, whoever dies."""

import asyncio
import sqlite3
import time
from collections import Counter
from pathlib import Path

import perdure
import pytest
from orders.v1 import Item, Order, OrderServiceClient, Receipt

from examples import ledger
from examples.demo.town import Town, town

TIMEOUT_S = 60.0
SKUS = ("kettle", "teapot", "cup")


def order(id: str) -> Order:
    """An order of three items."""
    return Order(
        id=id, customer="ada", card="4242", items=[Item(sku=sku, quantity=1, price_cents=1000) for sku in SKUS]
    )


async def submit(ingress: str, id: str) -> Receipt:
    """Calls until the runtime answers: the idempotency key makes it one order."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            async with perdure.Client(ingress) as client:
                return await OrderServiceClient(client).process(order(id), idempotency_key=id)
        except perdure.TerminalError as error:
            if error.code is not perdure.StatusCode.UNAVAILABLE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.05)  # The runtime is dead: nothing here can tell when it is back.


def journal_length(data: Path) -> int:
    """Durable entries so far, read from the node's own file."""
    with sqlite3.connect(f"file:{data / 'perdure.db'}?mode=ro", uri=True) as database:
        (length,) = database.execute("SELECT count(*) FROM journal_entry").fetchone()
    database.close()
    return int(length)


def wait_for_journal(town: Town, length: int) -> None:
    """Waits until so many entries are durable."""
    deadline = time.monotonic() + TIMEOUT_S
    while journal_length(town.data) < length:
        assert time.monotonic() < deadline, f"the journal has no {length} entries after {TIMEOUT_S:g} s"
        time.sleep(0.002)


@pytest.mark.parametrize("victims", [("runtime",), ("orders",), ("runtime", "orders")], ids="+".join)
@pytest.mark.parametrize("position", [1, 4, 7])
def test_the_saga_ends_the_same_wherever_it_is_killed(
    position: int, victims: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_LEDGER", str(tmp_path / "ledger.txt"))
    with town(tmp_path, latency_s=0.03) as processes:
        processes.register()

        async def story() -> Receipt:
            calling = asyncio.create_task(submit(processes.ingress, "o-1"))
            await asyncio.to_thread(wait_for_journal, processes, position)
            services = [processes.runtime if name == "runtime" else processes.endpoints[name] for name in victims]
            for service in services:
                service.kill()
            for service in services:
                await asyncio.to_thread(service.start)
            return await calling

        receipt = asyncio.run(story())
        again = asyncio.run(submit(processes.ingress, "o-1"))
    assert again == receipt
    assert receipt.total_cents == 3000
    assert receipt.points == 30
    lines = Counter(ledger.read("o-1"))
    assert set(lines) == {f"charged 3000 as {receipt.payment_id}", *(f"reserved 1 x {sku}" for sku in SKUS)}
    # The step that the kill hit had not been acknowledged, and may run again; no other one may.
    assert sum(lines.values()) <= len(lines) + 1


def test_a_node_killed_with_a_thousand_invocations_in_flight_ends_them_all_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_LEDGER", str(tmp_path / "ledger.txt"))
    orders = [f"o-{number}" for number in range(1_000)]
    with town(tmp_path, latency_s=0.5) as processes:
        processes.register()

        async def send_all() -> dict[str, str]:
            async with perdure.Client(processes.ingress) as client:
                process = OrderServiceClient(client).process
                handles = await asyncio.gather(*(process.send(order(id), idempotency_key=id) for id in orders))
            return dict(zip(orders, (handle.invocation_id for handle in handles), strict=True))

        async def attach_all(ids: dict[str, str]) -> dict[str, Receipt]:
            async with perdure.Client(processes.ingress) as client:
                handles = [client.handle(id, Receipt) for id in ids.values()]
                return dict(zip(orders, await asyncio.gather(*(handle.attach() for handle in handles)), strict=True))

        ids = asyncio.run(send_all())
        assert len(set(ids.values())) == 1_000
        wait_for_journal(processes, 1_500)
        processes.runtime.kill()
        processes.runtime.start()
        receipts = asyncio.run(attach_all(ids))
    assert {id: receipt.order_id for id, receipt in receipts.items()} == {id: id for id in orders}
    assert len({receipt.payment_id for receipt in receipts.values()}) == 1_000
    for id in orders:
        steps = set(ledger.read(id))
        assert steps == {f"charged 3000 as {receipts[id].payment_id}", *(f"reserved 1 x {sku}" for sku in SKUS)}
    # Every order added its points once, to the one account.
    assert max(receipt.points for receipt in receipts.values()) == 30 * 1_000
