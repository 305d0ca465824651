"""Which runtime the suite runs against.

``pytest tests/conformance --shape up|dev|workers|postgres|nodes`` starts one; ``--target HOST:PORT`` names one that
runs already. Where it has several nodes, each of the fixtures that talk to it talks to the next one.
"""

import uuid
from collections.abc import Iterator
from datetime import timedelta

import grpc
import perdure
import pytest

from tests.conformance import town as towns
from tests.conformance.grpc_caller import GrpcCaller
from tests.conformance.json_caller import JsonCaller
from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage
from tests.conformance.town import Town

TIMEOUT = timedelta(seconds=20)
SHAPES = {
    "up": towns.up,
    "dev": towns.dev,
    "workers": towns.workers,
    "postgres": towns.postgres,
    "nodes": towns.nodes,
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the suite."""
    group = parser.getgroup("conformance")
    group.addoption("--shape", choices=tuple(SHAPES), default="up", help="what the suite starts to run against")
    group.addoption("--target", metavar="HOST:PORT", help="the ingress of a runtime that runs already")
    group.addoption("--admin", metavar="HOST:PORT", help="its admin address; else the port after the ingress")
    group.addoption(
        "--endpoint-host", metavar="HOST", default="127.0.0.1", help="where that runtime reaches the suite's endpoint"
    )


@pytest.fixture(scope="session")
def town(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """The runtime of all tests."""
    # Where other folders are tested too, pytest reads the options before it knows ours.
    option = request.config.getoption
    directory = tmp_path_factory.mktemp("conformance")
    target = option("--target", None)
    if target is not None:
        host, _, port = target.rpartition(":")
        admin_host, _, admin_port = (option("--admin", None) or f"{host}:{int(port) + 1}").rpartition(":")
        running = towns.target(directory, target, (admin_host, int(admin_port)), option("--endpoint-host"))
    else:
        running = SHAPES[option("--shape", "up")](directory)
    with running as started:
        yield started


@pytest.fixture(scope="module")
def client(town: Town) -> Iterator[perdure.SyncClient]:
    """A caller from outside."""
    with perdure.SyncClient(town.ingress, timeout=TIMEOUT) as connected:
        yield connected


@pytest.fixture
def caller(town: Town) -> JsonCaller:
    """A caller from outside that speaks JSON."""
    return JsonCaller(town.ingress)


@pytest.fixture
def operator(town: Town) -> Operator:
    """Whoever looks after the runtime."""
    return Operator(*town.admin)


@pytest.fixture
def grpc_channel(town: Town) -> Iterator[grpc.Channel]:
    """A connection of a stock gRPC client."""
    with grpc.insecure_channel(town.ingress) as channel:
        yield channel


@pytest.fixture
def grpc_caller(grpc_channel: grpc.Channel) -> GrpcCaller:
    """A stock gRPC client of the runtime's own service."""
    return GrpcCaller(grpc_channel)


@pytest.fixture
def stage(town: Town) -> Stage:
    """Where handlers tell what they do, and ask what to do."""
    return town.stage


@pytest.fixture
def scene() -> str:
    """A name that no other test uses: of a scene, a key, a workflow, an idempotency key."""
    return uuid.uuid4().hex
