"""The examples as they are run: a runtime and three endpoints, each a process."""

from collections.abc import Iterator

import perdure
import pytest

from examples.demo.town import Town, town


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """All processes, registered, with a ledger that tests can read."""
    with pytest.MonkeyPatch.context() as environment, town(tmp_path_factory.mktemp("town"), latency_s=0) as started:
        environment.setenv("PERDURE_LEDGER", str(started.ledger))
        started.register()
        yield started


@pytest.fixture(scope="session")
def client(processes: Town) -> Iterator[perdure.SyncClient]:
    """A caller from outside."""
    with perdure.SyncClient(processes.ingress) as connected:
        yield connected
