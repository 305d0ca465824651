"""What the suite runs against: a runtime, the suite's endpoint, and the stage where its handlers speak.

Four shapes: ``up`` starts a node and an endpoint as processes of their own, ``postgres`` does so with a PostgreSQL in
place of the file, ``dev`` starts both in one process, ``target`` only the endpoint, for a runtime that runs already.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.admin.client import AdminClient

from examples.demo.processes import ROOT, Service, free_port
from examples.exactly_once_postgres.cluster import cluster
from tests.conformance.speak import STAGE
from tests.conformance.stage import Stage, open_stage

APP = "tests.conformance.app:app"


@dataclass(frozen=True)
class Town:
    """A runtime that serves the handlers of the suite.

    Attributes:
        ingress: "host:port" where callers call.
        admin: Where operators ask.
        endpoint_host: Where the runtime finds endpoints that the suite starts.
        runtime: The process of the runtime, None where it is not ours.
        endpoint: The process of the handlers; the runtime's own in the shape dev.
        deployment: What the runtime calls the endpoint; empty in the shape dev.
    """

    directory: Path
    stage: Stage
    ingress: str
    admin: tuple[str, int]
    endpoint_host: str
    runtime: Service | None
    endpoint: Service
    deployment: str = ""

    def register(self, endpoint: Service) -> str:
        """Tells the runtime of an endpoint; gives the id of the deployment."""
        return _register(self.admin, f"{self.endpoint_host}:{endpoint.port}")

    def serve(self, name: str, app: str, **environment: str) -> Service:
        """A process of handlers, to be started."""
        return _serve(self.directory, self.endpoint_host, self.stage, name, app, **environment)

    def command(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs the `perdure` command against this runtime, as an operator does."""
        admin = ("--admin", f"{self.admin[0]}:{self.admin[1]}")
        command = [sys.executable, "-m", "perdure_runtime.cli", *arguments, *admin]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


@contextmanager
def up(directory: Path, storage: str = "") -> Iterator[Town]:
    """`perdure up` and `perdure serve`."""
    runtime, ingress, admin = _runtime(directory, "up")
    runtime.environment["PERDURE_STORAGE"] = storage
    with open_stage() as stage, ExitStack() as started:
        endpoint = _serve(directory, "127.0.0.1", stage, "endpoint", APP)
        for service in (runtime, endpoint):
            started.callback(service.stop)
            service.start()
        deployment = _register(admin, f"127.0.0.1:{endpoint.port}")
        yield Town(directory, stage, ingress, admin, "127.0.0.1", runtime, endpoint, deployment)


@contextmanager
def postgres(directory: Path) -> Iterator[Town]:
    """The same with a PostgreSQL of its own."""
    with cluster() as url, up(directory, url) as town:
        yield town


@contextmanager
def dev(directory: Path) -> Iterator[Town]:
    """`perdure dev`."""
    runtime, ingress, admin = _runtime(directory, "dev", APP)
    with open_stage() as stage, ExitStack() as started:
        runtime.environment[STAGE] = stage.address
        started.callback(runtime.stop)
        runtime.start()
        yield Town(directory, stage, ingress, admin, "127.0.0.1", runtime, runtime)


@contextmanager
def target(directory: Path, ingress: str, admin: tuple[str, int], endpoint_host: str) -> Iterator[Town]:
    """A runtime that somebody else runs."""
    with open_stage() as stage, ExitStack() as started:
        endpoint = _serve(directory, endpoint_host, stage, "endpoint", APP)
        started.callback(endpoint.stop)
        endpoint.start()
        deployment = _register(admin, f"{endpoint_host}:{endpoint.port}")
        yield Town(directory, stage, ingress, admin, endpoint_host, None, endpoint, deployment)


def _register(admin: tuple[str, int], address: str) -> str:
    return asyncio.run(AdminClient(*admin).register(address)).id


def _runtime(directory: Path, *command: str) -> tuple[Service, str, tuple[str, int]]:
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    arguments = [*command, "--data", str(directory / "data"), *addresses]
    runtime = Service("runtime", arguments, ingress, directory / "runtime.log")
    return runtime, f"127.0.0.1:{ingress}", ("127.0.0.1", admin)


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
