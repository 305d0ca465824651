"""What wrong calls get from a real node: a code and a sentence each, and the node goes on for everybody else."""

import gzip
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from examples.demo.town import Town, town

PROCESS = "orders.v1.OrderService/Process"
ACCOUNT = "accounts.v1.UserAccount/GetAccount"
# GetAccountRequest(customer="ada"), as any protobuf library writes it.
ADA = b"\x0a\x03ada"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node and its endpoints."""
    with town(tmp_path_factory.mktemp("town"), latency_s=0) as started:
        started.register()
        yield started


@pytest.fixture(autouse=True)
def goes_on(processes: Town) -> Iterator[None]:
    """After each wrong call a right one is answered, over both transports."""
    yield
    answer = curl(processes, ACCOUNT, '{"customer": "ada"}')
    assert (answer.status, answer.body["customer"]) == (200, "ada")
    with grpc.insecure_channel(processes.ingress) as channel:
        assert ADA in channel.unary_unary(f"/{ACCOUNT}", bytes, bytes)(ADA, timeout=30)


@dataclass(frozen=True)
class Answer:
    """What curl got."""

    status: int
    body: dict[str, str]


def curl(processes: Town, path: str, data: str, *options: str) -> Answer:
    """Posts JSON, or ``@file``."""
    command = ["curl", "--silent", f"http://{processes.ingress}/{path}", "--data-binary", data, *options]
    command += ["--header", "content-type: application/json", "--write-out", "\n%{http_code}", "--max-time", "60"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    body, _, status = ran.stdout.rpartition("\n")
    return Answer(int(status), json.loads(body) if body else {})


def grpc_error(processes: Town, path: str, message: bytes) -> grpc.Call:
    """The error of a gRPC call."""
    unlimited = [("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(processes.ingress, unlimited) as channel, pytest.raises(grpc.RpcError) as refused:
        channel.unary_unary(f"/{path}", bytes, bytes)(message, timeout=60)
    assert isinstance(refused.value, grpc.Call)
    return refused.value


@pytest.mark.parametrize(
    ("path", "data", "status", "code", "says"),
    [
        (PROCESS, '{"id": }', 400, "invalid_argument", "line 1"),
        (PROCESS, '{"identity": "o-1"}', 400, "invalid_argument", "identity"),
        (PROCESS, '{"id": 7}', 400, "invalid_argument", "id"),
        ("orders.v1.OrdersService/Process", "{}", 404, "unimplemented", "did you mean orders.v1.OrderService"),
        ("orders.v1.OrderService/Cancel", "{}", 404, "unimplemented", "has no handler 'Cancel'; it has Process"),
        (ACCOUNT, "{}", 400, "invalid_argument", "customer is empty; it is the key of the virtual object"),
    ],
    ids=["malformed", "unknown field", "wrong type", "unknown service", "unknown method", "missing key"],
)
def test_a_wrong_json_call_gets_its_status_code_and_sentence(
    processes: Town, path: str, data: str, status: int, code: str, says: str
) -> None:
    answer = curl(processes, path, data)
    assert (answer.status, answer.body["code"]) == (status, code)
    assert says in answer.body["message"]


@pytest.mark.parametrize(
    ("path", "message", "code", "says"),
    [
        (PROCESS, b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "the request is no orders.v1.Order"),
        ("orders.v1.OrdersService/Process", b"", grpc.StatusCode.UNIMPLEMENTED, "did you mean orders.v1.OrderService"),
        ("orders.v1.OrderService/Cancel", b"", grpc.StatusCode.UNIMPLEMENTED, "has no handler 'Cancel'"),
        (ACCOUNT, b"", grpc.StatusCode.INVALID_ARGUMENT, "customer is empty; it is the key"),
    ],
    ids=["malformed", "unknown service", "unknown method", "missing key"],
)
def test_a_wrong_grpc_call_gets_its_code_and_sentence(
    processes: Town, path: str, message: bytes, code: grpc.StatusCode, says: str
) -> None:
    error = grpc_error(processes, path, message)
    assert error.code() is code
    assert says in (error.details() or "")


def test_a_hundred_mebibytes_are_refused_over_grpc(processes: Town) -> None:
    error = grpc_error(processes, PROCESS, bytes(100 << 20))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than 33554432 bytes" in (error.details() or "")


def test_a_hundred_mebibytes_are_refused_over_json(processes: Town, tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_bytes(b'{"id": "' + b"x" * (100 << 20) + b'"}')
    answer = curl(processes, PROCESS, f"@{large}")
    assert (answer.status, answer.body["code"]) == (413, "resource_exhausted")
    assert "larger than 33554432 bytes" in answer.body["message"]


def test_a_hundred_mebibytes_in_disguise_are_refused(processes: Town, tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.json.gz"
    bomb.write_bytes(gzip.compress(b'{"id": "' + b"x" * (100 << 20) + b'"}'))
    answer = curl(processes, PROCESS, f"@{bomb}", "--header", "content-encoding: gzip")
    assert (answer.status, answer.body["code"]) == (413, "resource_exhausted")


def test_a_caller_of_a_dead_endpoint_is_told_that_its_call_will_run_and_it_does(processes: Town) -> None:
    accounts = processes.endpoints["accounts"]
    accounts.kill()
    try:
        over_json = curl(processes, ACCOUNT, '{"customer": "ada"}')
        assert (over_json.status, over_json.body["code"]) == (503, "unavailable")
        assert "is accepted and will run when the endpoint" in over_json.body["message"]
        over_grpc = grpc_error(processes, ACCOUNT, ADA)
        assert over_grpc.code() is grpc.StatusCode.UNAVAILABLE
        assert "Connect call failed" in (over_grpc.details() or "")
        named = str(dict(over_grpc.initial_metadata())["perdure-invocation-id"])
    finally:
        accounts.start()
    deadline = time.monotonic() + 30
    while curl(processes, ACCOUNT, '{"customer": "ada"}').status == 503:
        # The node looks for a dead endpoint every two seconds, and callers are told so at once until it is found.
        assert time.monotonic() < deadline
    with grpc.insecure_channel(processes.ingress) as channel:
        attach = channel.unary_unary("/perdure.ingress.v1.IngressService/Attach", bytes, bytes)
        id_field = bytes((0x0A, len(named))) + named.encode()
        assert ADA in attach(id_field, timeout=30)
