"""A stream of a real nats-server calls handlers, each message once, whoever is killed."""

import asyncio
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import nats
import pytest

from tests.sources.counting import HANDLER
from tests.sources.processes import Child, count, has_been_told

MESSAGES = 1_000
KEYS = 10
PROGRAM = shutil.which("nats-server") or "/usr/sbin/nats-server"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A server with JetStream, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [PROGRAM, "-js", "-a", "127.0.0.1", "-p", str(port), "-sd", str(tmp_path / "jetstream")]
    with (tmp_path / "nats.log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            assert time.monotonic() < deadline, (tmp_path / "nats.log").read_text()
            time.sleep(0.02)
    yield f"nats://127.0.0.1:{port}"
    process.kill()
    process.wait()


async def publish(server: str, numbers: range) -> None:
    """Sends a message for a counter for each number."""
    client = await nats.connect(server)
    stream = client.jetstream()
    await stream.add_stream(name="ORDERS", subjects=["orders.>"])
    for number in numbers:
        text = json.dumps({"counter": f"c{number % KEYS}", "reason": str(number)}).encode()
        await stream.publish("orders.new", text)
    await client.close()


def test_each_message_is_told_once_and_in_order_however_often_the_node_is_killed(server: str, tmp_path: Path) -> None:
    asyncio.run(publish(server, range(MESSAGES)))
    place = {"servers": server, "stream": "ORDERS", "start": "earliest"}
    defined = {"name": "orders", "nats": place, "handler": HANDLER, "mapping": "JSON", "created_at_ms": 1}
    child = Child(tmp_path, [defined], [])
    child.start()
    try:
        for part in (200, 600):
            child.until(partial(has_been_told, part))
            child.kill()
            child.start()
        child.until(lambda told: count(told) >= MESSAGES)
        # What would come twice comes before what comes next.
        asyncio.run(publish(server, range(MESSAGES, MESSAGES + 1)))
        told = child.until(lambda told: str(MESSAGES) in told["c0"])
    finally:
        child.kill()
    for key in range(KEYS):
        assert told[f"c{key}"] == [str(number) for number in range(MESSAGES + 1) if number % KEYS == key]
