"""Both adapters of the port, for the contract suite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from perdure_runtime.storage.api import Storage

from tests.storage.homes import Home, MemoryHome, SqliteHome


@pytest.fixture(params=["sqlite", "memory"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    return SqliteHome(tmp_path) if request.param == "sqlite" else MemoryHome()


@pytest.fixture
def storage(home: Home) -> Iterator[Storage]:
    """An open storage that has its partition."""
    opened = home.open()
    opened.acquire()
    yield opened
    opened.close()
