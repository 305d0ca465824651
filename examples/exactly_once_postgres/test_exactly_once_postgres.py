"""One effect in PostgreSQL, although the step runs twice: killed between its commit and its journal entry."""

import asyncio
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import perdure
import psycopg
import pytest
from perdure_runtime.admin.client import AdminClient
from transfers.v1 import TransferRequest, TransfersClient

from examples.demo.journal import acknowledged_steps
from examples.demo.processes import Service, free_port
from examples.demo.town import Town
from examples.exactly_once_postgres.bank import Bank
from examples.exactly_once_postgres.cluster import cluster

APP = "examples.exactly_once_postgres.app:app"
DYING = "examples.exactly_once_postgres.dying:app"
TIMEOUT_S = 30.0


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """The URL of a database of the user's own."""
    with cluster() as url:
        yield url


@pytest.fixture(scope="module")
def port() -> int:
    """Where the endpoint listens, whichever process it is."""
    return free_port()


@contextmanager
def endpoint(app: str, port: int, database: str, directory: Path) -> Iterator[Service]:
    """A process that serves transfers."""
    service = Service(
        name="transfers",
        arguments=["serve", app, "--listen", f"127.0.0.1:{port}"],
        port=port,
        log=directory / "transfers.log",
        environment={"DATABASE_URL": database},
    )
    service.start()
    try:
        yield service
    finally:
        service.stop()


def effects(database: str) -> int:
    """How many effects have taken place."""
    with psycopg.connect(database) as connection:
        (count,) = connection.execute("SELECT count(*) FROM effect").fetchone() or (0,)
        return int(count)


def test_a_step_that_is_killed_after_its_commit_has_one_effect(
    processes: Town, client: perdure.SyncClient, database: str, port: int, tmp_path: Path
) -> None:
    bank = Bank(database)
    bank.open({"alice": 1_000, "bob": 0})
    with endpoint(DYING, port, database, tmp_path) as dying:
        asyncio.run(AdminClient(*processes.admin).register(f"127.0.0.1:{port}"))
        request = TransferRequest(source="alice", target="bob", cents=400)
        handle = TransfersClient(client).transfer.send(request)
        assert dying.process is not None
        assert dying.process.wait(TIMEOUT_S) == -signal.SIGKILL
    # The money has moved, and nobody knows: the step runs again.
    assert bank.accounts() == {"alice": 600, "bob": 400}
    assert "transfer" not in acknowledged_steps(processes.data)
    assert handle.output() is None
    with endpoint(APP, port, database, tmp_path):
        assert handle.attach().left_cents == 600
    assert acknowledged_steps(processes.data).count("transfer") == 1
    assert bank.accounts() == {"alice": 600, "bob": 400}
    assert effects(database) == 1


def test_a_transfer_that_cannot_be_made_leaves_no_trace(
    processes: Town, client: perdure.SyncClient, database: str, port: int, tmp_path: Path
) -> None:
    bank = Bank(database)
    bank.open({"carol": 100, "dave": 0})
    before = effects(database)
    with endpoint(APP, port, database, tmp_path):
        asyncio.run(AdminClient(*processes.admin).register(f"127.0.0.1:{port}"))
        with pytest.raises(perdure.TerminalError, match="carol has no 101 cents") as poor:
            TransfersClient(client).transfer(TransferRequest(source="carol", target="dave", cents=101))
        with pytest.raises(perdure.TerminalError, match="there is no account nobody") as lost:
            TransfersClient(client).transfer(TransferRequest(source="carol", target="nobody", cents=100))
    assert (poor.value.code, lost.value.code) == (
        perdure.StatusCode.FAILED_PRECONDITION,
        perdure.StatusCode.NOT_FOUND,
    )
    assert bank.accounts()["carol"] == 100
    assert effects(database) == before


def test_runs_of_one_step_at_the_same_time_have_one_effect(database: str) -> None:
    bank = Bank(database)
    bank.open({"erin": 1_000, "frank": 0})
    key = uuid4()
    with ThreadPoolExecutor() as runs:
        left = list(runs.map(lambda _: bank.transfer(key, "erin", "frank", 300), range(4)))
    assert left == [700] * 4
    assert bank.accounts()["frank"] == 300
