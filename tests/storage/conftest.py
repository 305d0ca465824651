"""All adapters of the port, for the contract suite."""

from collections.abc import Iterator

import pytest
from perdure_runtime.storage.api import Database

from examples.exactly_once_postgres.cluster import Cluster, running_cluster
from tests.storage.homes import Home, MemoryHome, PostgresHome, SqliteHome, copy_database, make_database
from tests.storage.scrambling import Scrambling


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server for all tests, each of which makes a database there."""
    with running_cluster() as running:
        yield running


@pytest.fixture(scope="session")
def template(cluster: Cluster) -> str:
    """The URL of a database with tables and one partition, to make others of."""
    url = make_database(cluster.url)
    PostgresHome(url).open().close()
    return url


@pytest.fixture
def database(cluster: Cluster) -> PostgresHome:
    """A new database, without tables."""
    return PostgresHome(make_database(cluster.url))


def make_home(request: pytest.FixtureRequest, kind: str, partitions: int = 1) -> Home:
    """A home of a kind; a server is started only for tests that need one."""
    database, _, codec = kind.partition(" with ")
    scrambling = Scrambling() if codec else None
    if database == "memory":
        return MemoryHome(partitions)
    if database == "sqlite":
        return SqliteHome(request.getfixturevalue("tmp_path"), partitions, scrambling)
    if partitions == 1:
        return PostgresHome(copy_database(request.getfixturevalue("template")), codec=scrambling)
    return PostgresHome(make_database(request.getfixturevalue("cluster").url), partitions, scrambling)


@pytest.fixture(params=["sqlite", "postgres", "memory", "sqlite with codec", "postgres with codec"])
def home(request: pytest.FixtureRequest) -> Home:
    return make_home(request, request.param)


@pytest.fixture(params=["sqlite", "memory"])
def locked_home(request: pytest.FixtureRequest) -> Home:
    """A home that lets in one storage at a time. In PostgreSQL whoever comes last takes the partition."""
    return make_home(request, request.param)


@pytest.fixture
def storage(home: Home) -> Iterator[Database]:
    """An open storage that has its partitions."""
    opened = home.open()
    opened.acquire()
    yield opened
    opened.close()
