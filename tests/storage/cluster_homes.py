"""Where a cluster under test lives: its nodes, each with a storage, and the clock of its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.api import Database
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.storage.memory import MemoryCluster, MemoryStorage, Rows
from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage

from tests.storage.homes import PostgresHome

PARTITIONS = 4
# No test waits for it.
LEASE_S = 600.0


class ClusterHome(Protocol):
    """A database for nodes."""

    def join(self, node_id: str) -> Cluster:
        """The cluster as this node sees it."""

    def open(self, node_id: str) -> Database:
        """The storage of this node."""

    def pass_time(self, seconds: float) -> None:
        """The clock of the database goes on."""

    def close(self) -> None:
        """Closes what was opened."""


class MemoryClusterHome:
    def __init__(self) -> None:
        self.rows = Rows(Placement(PARTITIONS))
        self.now_s = 0.0

    def join(self, node_id: str) -> MemoryCluster:
        return MemoryCluster(self.rows, node_id, f"{node_id}:1", LEASE_S, lambda: self.now_s)

    def open(self, node_id: str) -> MemoryStorage:
        return MemoryStorage(self.rows, shared=True)

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds

    def close(self) -> None:
        """There is nothing to close."""


class PostgresClusterHome:
    def __init__(self, home: PostgresHome) -> None:
        self.home = home
        self._opened: list[PostgresCluster | PostgresStorage] = []
        # A storage makes the tables.
        self.open("first")

    def join(self, node_id: str) -> PostgresCluster:
        cluster = PostgresCluster(self.home.address, node_id, f"{node_id}:1", LEASE_S)
        self._opened.append(cluster)
        return cluster

    def open(self, node_id: str) -> PostgresStorage:
        storage = PostgresStorage(self.home.address, node_id, PARTITIONS)
        self._opened.append(storage)
        return storage

    def pass_time(self, seconds: float) -> None:
        """Nobody can set the clock of a server: all that it has written down is longer ago."""
        self.home.by_hand(f"UPDATE perdure.node SET lease_until = lease_until - interval '{seconds} seconds'")

    def close(self) -> None:
        for opened in self._opened:
            opened.close()


@contextmanager
def closing_home(home: ClusterHome) -> Iterator[ClusterHome]:
    """Closes the home afterwards."""
    try:
        yield home
    finally:
        home.close()
