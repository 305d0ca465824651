"""The examples as they are run: a runtime and an endpoint for each, each a process."""

from collections.abc import Iterator
from datetime import timedelta

import perdure
import pytest

from examples.demo.town import Town, town

# Those that the demo does not start.
ENDPOINTS = {
    "parcels": "examples.state_machine.app:app",
    "payments": "examples.external_events.app:app",
    "quotes": "examples.parallel_processing.app:app",
    "signup": "examples.signup_workflow.app:app",
    "trips": "examples.trip_saga.app:app",
}
# A call that hangs is an error, not a test run that never ends.
TIMEOUT = timedelta(seconds=30)


@pytest.fixture(scope="session")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """All processes, registered, with a ledger that tests can read."""
    directory = tmp_path_factory.mktemp("town")
    with pytest.MonkeyPatch.context() as environment, town(directory, latency_s=0, more=ENDPOINTS) as started:
        environment.setenv("PERDURE_LEDGER", str(started.ledger))
        started.register()
        yield started


@pytest.fixture(scope="session")
def client(processes: Town) -> Iterator[perdure.SyncClient]:
    """A caller from outside."""
    with perdure.SyncClient(processes.ingress, timeout=TIMEOUT) as connected:
        yield connected
