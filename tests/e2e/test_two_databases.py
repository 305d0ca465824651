"""One runtime on two databases: each has the work of half the partitions, and handlers call from one into the other."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import perdure
import psycopg
import pytest
from conformance.v1 import Contents, CupboardClient, Errand, Key, WriterClient
from perdure_runtime.partition.placement import Placement

from examples.exactly_once_postgres.cluster import cluster
from tests.cli.command import perdure as run_perdure
from tests.cli.command import sentence
from tests.conformance import town as towns

PLACEMENT = Placement(64)
CUPBOARD = "conformance.v1.Cupboard"


@pytest.fixture
def databases() -> Iterator[tuple[str, str]]:
    """Two of one server."""
    with cluster() as first:
        with psycopg.connect(first, autocommit=True) as connection:
            connection.execute("CREATE DATABASE second")
        yield first, first.rpartition("/")[0] + "/second"


def keys_in(database: str) -> set[str]:
    """The cupboards that a database knows."""
    with psycopg.connect(database, autocommit=True) as connection:
        rows = connection.execute("SELECT key FROM perdure.state WHERE service = %s", (CUPBOARD,)).fetchall()
    return {key for (key,) in rows}


def test_each_database_has_the_keys_of_its_partitions(databases: tuple[str, str], tmp_path: Path) -> None:
    keys = [uuid.uuid4().hex for _ in range(20)]
    with towns.up(tmp_path, storage=" ".join(databases)) as town:
        with perdure.SyncClient(town.ingress) as client:
            for key in keys:
                CupboardClient(client, key).put(Contents(text=key))
        assert town.runtime is not None
        town.runtime.kill()
        town.runtime.start()
        with perdure.SyncClient(town.ingress) as client:
            assert [CupboardClient(client, key).take(Key()).text for key in keys] == keys
    for number, database in enumerate(databases):
        assert keys_in(database) == {key for key in keys if PLACEMENT.of_key(CUPBOARD, key) % 2 == number}


def test_handlers_call_from_one_database_into_the_other(databases: tuple[str, str], tmp_path: Path) -> None:
    with towns.up(tmp_path, storage=" ".join(databases)) as town, perdure.SyncClient(town.ingress) as client:
        for _ in range(8):
            errand = Errand(uuid.uuid4().hex, ["one", "two", "three"])
            assert WriterClient(client).by_turns(errand).texts == errand.texts


def test_databases_in_another_order_are_refused(databases: tuple[str, str], tmp_path: Path) -> None:
    with towns.up(tmp_path, storage=" ".join(databases)):
        pass
    first, second = databases
    says = sentence(run_perdure("up", "--storage", second, "--storage", first, "--ingress", "127.0.0.1:0"))
    assert "was made as" in says
