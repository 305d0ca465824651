"""A node and an endpoint, each a process, and the command that asks them."""

import contextlib
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perdure_runtime.cli.ending import run
from perdure_runtime.cli.main import app

from examples.demo.processes import Service, free_port

TIMEOUT_S = 20.0
ENDPOINT = "tests.cli.handlers:app"
# Handlers that always fail pause soon.
RETRY = "initial=10ms,max-interval=10ms,max-attempts=2,on-max-attempts=pause"


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command has ended."""

    exit_code: int
    out: str
    err: str


def perdure(*arguments: str) -> Ran:
    """Runs the command in this process, as its script does."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        exit_code = run(app, arguments)
    return Ran(exit_code, out.getvalue(), err.getvalue())


@dataclass
class Town:
    """A node and its endpoint; what commands need to find them goes with each."""

    directory: Path
    ingress: str
    admin: str
    endpoint: str
    extra: list[Service] = field(default_factory=list)

    @property
    def data(self) -> Path:
        """Where the node keeps its file."""
        return self.directory / "data"

    def perdure(self, *arguments: str) -> Ran:
        """Runs a command that asks the node."""
        return perdure(*arguments, "--admin", self.admin)

    def says(self, *arguments: str) -> str:
        """What a command prints that goes well."""
        ran = self.perdure(*arguments)
        assert ran.exit_code == 0, ran.err
        return ran.out

    def json(self, *arguments: str) -> Any:
        """What a command prints for programs."""
        return json.loads(self.says(*arguments, "--json"))

    def refuses(self, *arguments: str, exit_code: int = 2) -> str:
        """The sentence that a command ends with."""
        ran = self.perdure(*arguments)
        assert ran.exit_code == exit_code, ran
        return ran.err.splitlines()[-1]

    def call(self, handler: str, request: Mapping[str, object], *options: str) -> Ran:
        """Calls a handler."""
        return self.perdure("call", handler, json.dumps(request), "--ingress", self.ingress, *options)

    def send(self, handler: str, request: Mapping[str, object], *options: str) -> str:
        """Sends to a handler; gives the id of the invocation."""
        ran = self.call(handler, request, "--send", *options)
        assert ran.exit_code == 0, ran.err
        return str(json.loads(ran.out)["invocationId"])

    def mail(self, order: str, status: str = "") -> str:
        """Lets an order be confirmed; gives the invocation, once it has the status."""
        sent = self.send("mail.v1.MailService/Confirm", {"customer": "ada", "orderId": order})
        return self.wait(sent, status) if status else sent

    def wait(self, invocation_id: str, *statuses: str) -> str:
        """Waits until an invocation has one of these."""
        eventually(lambda: self.json("invocations", "show", invocation_id)["invocation"]["status"] in statuses)
        return invocation_id

    def serve(self) -> str:
        """Starts one more process of the endpoint; gives its address."""
        service = _endpoint(self.directory)
        self.extra.append(service)
        service.start()
        return f"127.0.0.1:{service.port}"


def eventually(holds: Callable[[], bool]) -> None:
    """Asks again until it holds: a node tells nobody."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, f"this never came true within {TIMEOUT_S:g} s"
        time.sleep(0.02)


@contextmanager
def town(directory: Path) -> Iterator[Town]:
    """Starts all, registers the endpoint, and ends all."""
    ingress, admin = free_port(), free_port()
    addresses = ["--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"]
    arguments = ["up", *addresses, "--data", str(directory / "data"), "--retry", RETRY]
    node, endpoint = Service("node", arguments, ingress, directory / "node.log"), _endpoint(directory)
    made = Town(directory, f"127.0.0.1:{ingress}", f"127.0.0.1:{admin}", f"127.0.0.1:{endpoint.port}")
    try:
        node.start()
        endpoint.start()
        made.says("deployments", "register", made.endpoint)
        yield made
    finally:
        for service in (endpoint, *made.extra, node):
            service.stop()


def _endpoint(directory: Path) -> Service:
    port = free_port()
    return Service(
        "endpoint", ["serve", ENDPOINT, "--listen", f"127.0.0.1:{port}"], port, directory / f"endpoint-{port}.log"
    )
