"""`perdure up` in all of its shapes: on a file, on files of workers, on databases. Each has all that a node has."""

import json
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from examples.demo.processes import Service, free_port
from examples.exactly_once_postgres.cluster import running_cluster
from tests.cli.town import perdure
from tests.conformance.operator_desk import eventually
from tests.storage.homes import make_database

CODEC = """
class Reversing:
    def encode(self, data):
        return b"reversed" + data[::-1]

    def decode(self, data):
        assert data.startswith(b"reversed")
        return data[8:][::-1]

codec = Reversing()
"""


@pytest.fixture(scope="module")
def databases() -> Iterator[list[str]]:
    """Three databases."""
    with running_cluster() as cluster:
        yield [make_database(cluster.url) for _ in range(3)]


def up(folder: Path, admin: int, options: Sequence[str], environment: dict[str, str]) -> Service:
    """A runtime; its endpoint stands beside it."""
    ingress = free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    (folder / "sealing.py").write_text(CODEC)
    arguments = ["up", *addresses, *options]
    return Service("node", arguments, ingress, folder / "log", environment, directory=folder)


@pytest.mark.parametrize(
    "shape", ["file", "file with codec", "workers", "two databases with codec", "workers on one database"]
)
def test_each_shape_answers_calls_sql_metrics_and_pages_and_ends_in_good_order(
    shape: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    environment, options = dict[str, str](), list[str]()
    if "database" in shape:
        first, second, third = request.getfixturevalue("databases")
        environment["PERDURE_STORAGE"] = f"{first},{second}" if "two" in shape else third
    else:
        options += ["--data", str(tmp_path / "data")]
    if "workers" in shape:
        options += ["--workers", "2"]
    if "codec" in shape:
        environment["PERDURE_STORAGE__CODEC"] = "sealing:codec"
    admin, listen = free_port(), free_port()
    node = up(tmp_path, admin, options, environment)
    serving = ["serve", "examples.user_account.app:app", "--listen", f"127.0.0.1:{listen}"]
    endpoint = Service("endpoint", serving, listen, tmp_path / "endpoint.log")
    asked = ("--admin", f"127.0.0.1:{admin}")
    node.start()
    try:
        endpoint.start()
        assert perdure("deployments", "register", f"127.0.0.1:{listen}", *asked).exit_code == 0
        call(node.port)
        sql = perdure("sql", "SELECT input ->> 'customer' AS who, outcome FROM invocation", "--json", *asked)
        assert json.loads(sql.out) == [{"who": "ada", "outcome": "succeeded"}], sql.err
        assert eventually(lambda: "perdure_invocations_accepted_total" in page(admin, "/metrics"))
        assert "<!doctype html>" in page(admin, "/ui/")
    finally:
        endpoint.stop()
        node.stop()
    log = node.log.read_text()
    assert node.process is not None
    assert node.process.returncode == 0, log
    assert "Traceback" not in log


def call(port: int) -> None:
    """Pays something in."""
    url = f"http://127.0.0.1:{port}/accounts.v1.UserAccount/UpdateBalance"
    body = json.dumps({"customer": "ada", "amount_cents": 500}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def page(port: int, path: str) -> str:
    """What the admin address serves there."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())
