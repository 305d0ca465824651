"""A new version of an endpoint, as an operator brings it in: real processes, and the command line."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import perdure
from orders.v1 import Order, OrderServiceClient, Receipt

from examples.demo.processes import ROOT, Service, free_port
from tests.e2e.app_upgrade import VERSION

TIMEOUT_S = 60.0
SERVICE = "orders.v1.OrderService"
SDK = version("perdure")


class Desk:
    """A node, its endpoints, and the operator."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        ingress, admin = free_port(), free_port()
        self.ingress, self._admin = f"127.0.0.1:{ingress}", f"127.0.0.1:{admin}"
        self._services = [
            Service(
                "node",
                ["up", "--data", str(directory / "data"), "--ingress", self.ingress, "--admin", self._admin],
                ingress,
                directory / "node.log",
            )
        ]

    def start(self) -> None:
        """The node runs."""
        self._services[0].start()

    def serve(self, version: str) -> tuple[Service, str]:
        """Starts a version of the endpoint; gives its process and where it serves."""
        port = free_port()
        service = Service(
            version,
            ["serve", "tests.e2e.app_upgrade:app", "--listen", f"127.0.0.1:{port}"],
            port,
            self._directory / f"{version}.log",
            {VERSION: version},
        )
        self._services.append(service)
        service.start()
        return service, f"127.0.0.1:{port}"

    def perdure(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs the command to its end."""
        command = [sys.executable, "-m", "perdure_runtime.cli", *arguments, "--admin", self._admin]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    def says(self, *arguments: str) -> list[str]:
        """What the command prints when it succeeds."""
        ran = self.perdure(*arguments)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout.splitlines()

    def register(self, address: str, *options: str) -> str:
        """Registers an endpoint; gives the id of its deployment."""
        return self.says("deployments", "register", address, *options)[0].split()[0]

    def listed(self) -> list[list[str]]:
        """The deployments, each by the cells of its row."""
        return [re.split(r" {2,}", line) for line in self.says("deployments", "list")[1:]]

    def wait_for_wait(self, invocation_id: str) -> None:
        """Waits until an order waits for its parcel."""
        deadline = time.monotonic() + TIMEOUT_S
        while not any("await signal" in line for line in self.says("invocations", "show", invocation_id)):
            assert time.monotonic() < deadline, f"{invocation_id} does not wait for its parcel"

    def stop(self) -> None:
        """Ends all processes."""
        for service in self._services:
            service.stop()


@contextmanager
def desk(directory: Path) -> Iterator[Desk]:
    """A desk whose node runs."""
    there = Desk(directory)
    try:
        there.start()
        yield there
    finally:
        there.stop()


def test_a_new_version_takes_over_while_the_old_one_ends_what_it_has_begun(tmp_path: Path) -> None:
    with desk(tmp_path) as there, perdure.SyncClient(there.ingress) as client:
        orders = OrderServiceClient(client)
        old, old_address = there.serve("v1")
        first = there.register(old_address)
        begun = orders.process.send(Order(id="o-1"))
        there.wait_for_wait(begun.invocation_id)

        # A version that does not repeat what is in flight is seen before it takes any work.
        _, wrong = there.serve("v2-checking")
        replayed = there.perdure("deployments", "verify", wrong)
        assert replayed.returncode == 1
        assert "run 'check the card'" in replayed.stdout
        assert "run 'charge'" in replayed.stdout
        refused = there.perdure("deployments", "register", wrong, "--verify")
        assert refused.returncode == 2
        assert f"1 of 1 journals are not repeated; the first is {begun.invocation_id}" in refused.stderr

        # One that does takes the new work, and leaves the old where it is.
        _, right = there.serve("v2")
        assert there.says("deployments", "verify", right) == [f"{right} repeats 1 journal"]
        second = there.register(right, "--verify")
        assert there.listed() == [
            [first, old_address, "draining", "1 in flight", SDK, SERVICE],
            [second, right, "active", "no work", SDK, SERVICE],
        ]
        newer = orders.process.send(Order(id="o-2"))
        newer.signal("shipped", Receipt())
        assert newer.attach().payment_id == "v2 v2"

        # The old one goes when it has nothing left to do.
        kept = there.perdure("deployments", "remove", first)
        assert kept.returncode == 2
        assert f"{first} has begun 1 invocations that have not ended: {begun.invocation_id}; " in kept.stderr
        begun.signal("shipped", Receipt())
        assert begun.attach().payment_id == "v1 v1"
        assert [first, old_address, "drained", "no work", SDK, SERVICE] in there.listed()
        assert there.says("deployments", "remove", first) == [f"{first} is removed"]
        old.stop()
        last = orders.process.send(Order(id="o-3"))
        last.signal("shipped", Receipt())
        assert last.attach().payment_id == "v2 v2"
        assert there.listed() == [[second, right, "active", "no work", SDK, SERVICE]]
