"""A server that neither answers nor goes away: whoever waits for it is let go."""

import time

import psycopg
import pytest
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.postgres import PostgresStorage
from perdure_runtime.storage.postgres.connection import Address, Link

from tests.storage.homes import copy_database

FOR_EVER = "SELECT pg_sleep(60)"


def test_a_read_that_hangs_is_given_up_and_the_next_one_works(template: str) -> None:
    link = Link(Address(copy_database(template)), patience_s=0.1)
    began_s = time.monotonic()
    with pytest.raises(psycopg.OperationalError):
        link.use(lambda connection: connection.execute(FOR_EVER))
    assert time.monotonic() - began_s < 30
    assert link.use(lambda connection: connection.execute("SELECT 1").fetchone()) == (1,)
    link.close()


def test_a_read_that_is_answered_in_time_keeps_its_connection(template: str) -> None:
    link = Link(Address(copy_database(template)), patience_s=0.1)
    pids = set()
    for _ in range(5):
        pids.add(link.use(lambda connection: connection.execute("SELECT pg_backend_pid(), pg_sleep(0.05)").fetchone()))
    link.close()
    assert len(pids) == 1


def test_who_owns_nothing_does_not_wait_for_the_database(template: str) -> None:
    storage = PostgresStorage(copy_database(template), "lonely")
    storage.own({})
    storage._reader.close()
    storage._reader._address.conninfo = "host=nowhere.invalid"
    assert storage.timers(0, 1, None) == []
    assert storage.expired(1, 1) == []
    assert storage.active([], "", 1) == []
    assert storage.outbox([]) == []
    with pytest.raises(StorageFailure):
        storage.active([0], "", 1)
    storage.close()
