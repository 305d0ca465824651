"""The services of the examples as a user would run them: a runtime and an endpoint for each, each a process."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.admin.client import AdminClient

from examples.demo.processes import Service, free_port

ENDPOINTS = {
    "orders": "examples.order_saga.app:app",
    "accounts": "examples.user_account.app:app",
    "mail": "examples.reliable_communication.app:app",
}


@dataclass
class Town:
    """All processes, and where the runtime listens."""

    runtime: Service
    endpoints: dict[str, Service]
    ingress: str
    admin: tuple[str, int]
    data: Path
    ledger: Path

    def register(self) -> None:
        """Tells the runtime about every endpoint."""
        for service in self.endpoints.values():
            asyncio.run(AdminClient(*self.admin).register(f"127.0.0.1:{service.port}"))


@contextmanager
def town(
    directory: Path, latency_s: float = 0.2, more: Mapping[str, str] | None = None, storage: str = ""
) -> Iterator[Town]:
    """Starts everything with its data in a directory, and ends it.

    Args:
        directory: Empty, and writable.
        latency_s: What a step of the outside world takes.
        more: Endpoints beside those of the demo, by name.
        storage: URL of a database for the runtime, instead of a file in the directory.
    """
    ledger = directory / "ledger.txt"
    data = directory / "data"
    ingress, admin = free_port(), free_port()
    runtime = Service(
        name="runtime",
        arguments=[
            *("up", "--data", str(data)),
            *("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"),
        ],
        port=ingress,
        log=directory / "runtime.log",
        environment={"PERDURE_STORAGE": storage},
    )
    endpoints = {}
    for name, path in {**ENDPOINTS, **(more or {})}.items():
        port = free_port()
        endpoints[name] = Service(
            name=name,
            arguments=["serve", path, "--listen", f"127.0.0.1:{port}"],
            port=port,
            log=directory / f"{name}.log",
            environment={"PERDURE_LEDGER": str(ledger), "EXAMPLE_LATENCY_S": str(latency_s)},
        )
    services = [*endpoints.values(), runtime]
    try:
        for service in services:
            service.start()
        yield Town(runtime, endpoints, f"127.0.0.1:{ingress}", ("127.0.0.1", admin), data, ledger)
    finally:
        for service in services:
            service.stop()
