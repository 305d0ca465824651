"""What handlers of the suite say to the test that looks on, and the answers they wait for.

A handler that tells or asks outside of a step does so again in each attempt: that is how tests see attempts, and how
they change a handler's mind.
"""

import asyncio
import json
import os
import socket

# "host:port" of the stage; whoever starts the endpoint sets it.
STAGE = "CONFORMANCE_STAGE"


async def tell(scene: str, line: str) -> None:
    """Adds a line to what the test reads about a scene."""
    await _say({"scene": scene, "line": line})


async def ask(scene: str, question: str) -> str:
    """Adds a question to the scene, and waits until the test answers it."""
    return await _say({"scene": scene, "line": question, "asks": True})


def ask_blocking(scene: str, question: str) -> str:
    """The same for sync functions."""
    with socket.create_connection(_stage()) as connection, connection.makefile("rw") as lines:
        lines.write(json.dumps({"scene": scene, "line": question, "asks": True}) + "\n")
        lines.flush()
        return _answer(lines.readline())


async def _say(said: dict[str, object]) -> str:
    reader, writer = await asyncio.open_connection(*_stage())
    try:
        writer.write(json.dumps(said).encode() + b"\n")
        return _answer((await reader.readline()).decode())
    finally:
        writer.close()


def _answer(line: str) -> str:
    if not line:
        raise ConnectionError("the stage has closed: the test that looked on is over")
    answer: str = json.loads(line)
    return answer


def _stage() -> tuple[str, int]:
    host, _, port = os.environ[STAGE].rpartition(":")
    return host, int(port)
