"""A node on PostgreSQL: orders end once, whether the node is killed or the database under it."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from orders.v1 import Receipt

from examples import ledger
from examples.demo.town import town
from examples.exactly_once_postgres.cluster import Cluster, running_cluster
from tests.e2e.test_sigkill import SKUS, TIMEOUT_S, submit


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server for one node."""
    with running_cluster() as running:
        yield running


def wait_for_journal(cluster: Cluster, length: int) -> None:
    """Waits until so many entries are durable."""
    deadline = time.monotonic() + TIMEOUT_S
    with psycopg.connect(cluster.url, autocommit=True) as connection:
        while connection.execute("SELECT count(*) < %s FROM perdure.journal_entry", (length,)).fetchall()[0][0]:
            assert time.monotonic() < deadline, f"the journal has no {length} entries after {TIMEOUT_S:g} s"


@pytest.mark.parametrize("victim", ["node", "database"])
def test_an_order_ends_once_whoever_is_killed(
    victim: str, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_LEDGER", str(tmp_path / "ledger.txt"))
    with town(tmp_path, latency_s=0.03, storage=cluster.url) as processes:
        processes.register()

        async def story() -> Receipt:
            calling = asyncio.create_task(submit(processes.ingress, "o-1"))
            await asyncio.to_thread(wait_for_journal, cluster, 4)
            if victim == "node":
                processes.runtime.kill()
                await asyncio.to_thread(processes.runtime.start)
            else:
                await asyncio.to_thread(cluster.stop)
                await asyncio.to_thread(cluster.start)
            return await calling

        pid = processes.runtime.pid
        receipt = asyncio.run(story())
        # A node outlives its database.
        assert (processes.runtime.pid == pid) is (victim == "database")
        assert asyncio.run(submit(processes.ingress, "o-1")) == receipt
    assert not (processes.data / "perdure.db").exists()
    assert (receipt.total_cents, receipt.points) == (3000, 30)
    lines = Counter(ledger.read("o-1"))
    assert set(lines) == {f"charged 3000 as {receipt.payment_id}", *(f"reserved 1 x {sku}" for sku in SKUS)}
    # The step that the kill hit had not been acknowledged, and may run again; no other one may.
    assert sum(lines.values()) <= len(lines) + 1
