"""All adapters of the port, for the contract suite."""

from collections.abc import Iterator

import pytest
from perdure_runtime.storage.api import Storage

from examples.exactly_once_postgres.cluster import Cluster, running_cluster
from tests.storage.homes import Home, MemoryHome, PostgresHome, SqliteHome, make_database


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests, each of which makes a database there."""
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def shared_database(cluster: Cluster) -> str:
    """A database for tests that need no more than a partition."""
    return make_database(cluster.url)


@pytest.fixture
def database(cluster: Cluster) -> PostgresHome:
    """A partition in a database of its own."""
    return PostgresHome(make_database(cluster.url))


def make_home(request: pytest.FixtureRequest, kind: str) -> Home:
    """A home of a kind; a server is started only for tests that need one."""
    if kind == "memory":
        return MemoryHome()
    if kind == "sqlite":
        return SqliteHome(request.getfixturevalue("tmp_path"))
    return PostgresHome(request.getfixturevalue("shared_database"))


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def home(request: pytest.FixtureRequest) -> Home:
    return make_home(request, request.param)


@pytest.fixture(params=["sqlite", "memory"])
def locked_home(request: pytest.FixtureRequest) -> Home:
    """A home that lets in one storage at a time. In PostgreSQL whoever comes last takes the partition."""
    return make_home(request, request.param)


@pytest.fixture
def storage(home: Home) -> Iterator[Storage]:
    """An open storage that has its partition."""
    opened = home.open()
    opened.acquire()
    yield opened
    opened.close()
