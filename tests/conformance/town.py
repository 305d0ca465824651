"""What the suite runs against: a runtime, the suite's endpoint, and the stage where its handlers speak.

``up`` starts a node and an endpoint as processes of their own, ``postgres`` does so with a PostgreSQL in place of the
file, ``workers`` with four workers in place of the node, and ``dev`` starts both in one process. ``nodes`` starts three
nodes on a PostgreSQL and two processes of one endpoint. ``target`` starts only the endpoint, for a runtime that runs
already.
"""

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from perdure_runtime.admin.client import AdminClient

from examples.demo.processes import ROOT, Died, Service, free_port
from examples.exactly_once_postgres.cluster import cluster
from tests.conformance.operator_desk import eventually
from tests.conformance.speak import STAGE
from tests.conformance.stage import Stage, open_stage

APP = "tests.conformance.app:app"
WORKERS = 4
NODES = 3
ENDPOINTS = 2
# Whoever waits for what a killed node had waits for so long.
LEASE_S = 2


@dataclass(frozen=True)
class Node:
    """A door of the runtime.

    Attributes:
        ingress: "host:port" where callers call.
        admin: Where operators ask.
        process: None where it is not ours.
    """

    ingress: str
    admin: tuple[str, int]
    process: Service | None


@dataclass(frozen=True)
class Town:
    """A runtime that serves the handlers of the suite.

    Where it has several nodes, whoever asks for a door gets that of the next one: any node serves anybody.

    Attributes:
        endpoint_host: Where the runtime finds endpoints that the suite starts.
        endpoint: The process of the handlers, or all of them as one; the runtime's own in the shape dev.
        deployment: What the runtime calls the endpoint; "local" in the shape dev.
    """

    directory: Path
    stage: Stage
    nodes: Sequence[Node]
    endpoint_host: str
    endpoint: Service
    deployment: str = "local"
    turns: Iterator[int] = field(default_factory=itertools.count)

    def next_node(self) -> Node:
        """By turns."""
        return self.nodes[next(self.turns) % len(self.nodes)]

    @property
    def ingress(self) -> str:
        """Where callers call, at the next node."""
        return self.next_node().ingress

    @property
    def admin(self) -> tuple[str, int]:
        """Where operators ask, at the next node."""
        return self.next_node().admin

    @property
    def runtime(self) -> Service | None:
        """The process of the next node, None where it is not ours."""
        return self.next_node().process

    def register(self, endpoint: Service) -> str:
        """Tells the runtime of an endpoint; gives the id of the deployment."""
        return _register(self.admin, f"{self.endpoint_host}:{endpoint.port}")

    def serve(self, name: str, app: str, **environment: str) -> Service:
        """A process of handlers, to be started."""
        return _serve(self.directory, self.endpoint_host, self.stage, name, app, **environment)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs the `perdure` command against this runtime, as an operator does."""
        host, port = self.admin
        command = [sys.executable, "-m", "perdure_runtime.cli", *arguments, "--admin", f"{host}:{port}"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


class Together(Service):
    """Several processes that start and end as one."""

    def __init__(self, processes: Sequence[Service]) -> None:
        super().__init__(processes[0].name, processes[0].arguments, processes[0].port, processes[0].log)
        self._processes = processes

    def start(self) -> int:
        """Starts all; the pid of the first."""
        pid, *_ = [process.start() for process in self._processes]
        return pid

    def kill(self) -> int:
        """Kills all; the pid that the first one had."""
        pid, *_ = [process.kill() for process in self._processes]
        return pid

    def stop(self) -> None:
        """Ends those that run."""
        for process in self._processes:
            process.stop()


class Supervisor(Service):
    """A process whose workers listen in its place."""

    def kill(self) -> int:
        """Kills it, and waits until its workers have ended too."""
        pid = super().kill()
        if not eventually(lambda: not self._listens()):
            raise Died(f"workers of {self.name} have outlived it")
        return pid


@contextmanager
def up(directory: Path, *options: str, storage: str = "", kind: type[Service] = Service) -> Iterator[Town]:
    """`perdure up` and `perdure serve`."""
    node, process = _node(directory, "runtime", "up", *options, kind=kind)
    process.environment["PERDURE_STORAGE"] = storage
    with open_stage() as stage:
        endpoint = _serve(directory, "127.0.0.1", stage, "endpoint", APP)
        with _running(process, endpoint):
            deployment = _register(node.admin, f"127.0.0.1:{endpoint.port}")
            yield Town(directory, stage, [node], "127.0.0.1", endpoint, deployment)


@contextmanager
def postgres(directory: Path) -> Iterator[Town]:
    """The same with a PostgreSQL of its own."""
    with cluster() as url, up(directory, storage=url) as town:
        yield town


@contextmanager
def workers(directory: Path) -> Iterator[Town]:
    """The same with several workers, which share one address."""
    with up(directory, "--workers", str(WORKERS), kind=Supervisor) as town:
        yield town


@contextmanager
def nodes(directory: Path, peers: Callable[[], Sequence[str]] = tuple) -> Iterator[Town]:
    """Several nodes on a PostgreSQL of their own, and two processes of the handlers behind one deployment.

    ``peers`` gives the options of each node that say where others reach it.
    """
    with cluster() as url, open_stage() as stage:
        options = ("up", "--lease", str(LEASE_S))
        made = (_node(directory, f"node-{number}", *options, *peers()) for number in range(NODES))
        doors, processes = zip(*made, strict=True)
        for process in processes:
            process.environment["PERDURE_STORAGE"] = url
        endpoints = [_serve(directory, "127.0.0.1", stage, f"endpoint-{number}", APP) for number in range(ENDPOINTS)]
        with _running(*processes, *endpoints):
            deployment = _register(doors[0].admin, *(f"127.0.0.1:{endpoint.port}" for endpoint in endpoints))
            yield Town(directory, stage, doors, "127.0.0.1", Together(endpoints), deployment)


@contextmanager
def dev(directory: Path) -> Iterator[Town]:
    """`perdure dev`."""
    node, process = _node(directory, "runtime", "dev", APP)
    with open_stage() as stage:
        process.environment[STAGE] = stage.address
        with _running(process):
            yield Town(directory, stage, [node], "127.0.0.1", process)


@contextmanager
def target(directory: Path, ingress: str, admin: tuple[str, int], endpoint_host: str) -> Iterator[Town]:
    """A runtime that somebody else runs."""
    with open_stage() as stage:
        endpoint = _serve(directory, endpoint_host, stage, "endpoint", APP)
        with _running(endpoint):
            deployment = _register(admin, f"{endpoint_host}:{endpoint.port}")
            yield Town(directory, stage, [Node(ingress, admin, None)], endpoint_host, endpoint, deployment)


@contextmanager
def _running(*services: Service) -> Iterator[None]:
    with ExitStack() as started:
        for service in services:
            started.callback(service.stop)
            service.start()
        yield


def _register(admin: tuple[str, int], *addresses: str) -> str:
    return asyncio.run(AdminClient(*admin).register(*addresses)).id


def _node(directory: Path, name: str, *command: str, kind: type[Service] = Service) -> tuple[Node, Service]:
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    arguments = [*command, "--data", str(directory / "data"), *addresses]
    process = kind(name, arguments, ingress, directory / f"{name}.log")
    return Node(f"127.0.0.1:{ingress}", ("127.0.0.1", admin), process), process


def _serve(directory: Path, host: str, stage: Stage, name: str, app: str, **environment: str) -> Service:
    port = free_port()
    # A runtime on another machine finds us by a name that we need not know ourselves.
    listen = host if host == "127.0.0.1" else "0.0.0.0"
    return Service(
        name=name,
        arguments=["serve", app, "--listen", f"{listen}:{port}"],
        port=port,
        log=directory / f"{name}.log",
        environment={STAGE: stage.address, **environment},
    )
