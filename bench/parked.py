"""`python -m bench.parked`: what 100,000 sleeping invocations cost a node in memory, and on its disk."""

import argparse
import asyncio
import gc
import os
import tempfile
from pathlib import Path

from load.v1 import Nap
from perdure import codec
from perdure.session import EndpointSession
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.node import Node
from perdure_runtime.storage.sqlite import SqliteStorage

from bench.app import app
from bench.cpu import resident_mb

NAP = Submission("load.v1.LoadService", "Sleep", "", codec.encode(Nap(duration_ms=86_400_000)))
# Before the first measure, so that caches are warm and code is loaded.
WARM = 20_000
AT_ONCE = 1_000
MB = 1024 * 1024


async def park(node: Node, count: int) -> None:
    """Submits so many invocations, and waits until nothing of them runs any more."""
    for start in range(0, count, AT_ONCE):
        await asyncio.gather(*(node.router.submit(NAP) for _ in range(min(AT_ONCE, count - start))))
    while not node.invoker.idle:  # noqa: ASYNC110  # Nothing tells when the last attempt has left.
        await asyncio.sleep(0.01)
    await node.loop.flush()
    gc.collect()


async def measure(count: int, directory: Path) -> None:
    """Prints the table."""
    node = Node(SqliteStorage(directory / "perdure.db"))
    await node.start()
    transport = LocalTransport(lambda send: EndpointSession(app, send))
    node.invoker.add(transport, Contracts.discovered(app.discovery()))
    await park(node, WARM)
    before_mb = resident_mb(os.getpid())
    await park(node, count)
    grown = (resident_mb(os.getpid()) - before_mb) * MB
    size = sum(file.stat().st_size for file in directory.iterdir())  # noqa: ASYNC240  # Nothing else runs any more.
    print(f"{count:,} sleeping invocations: {grown / count:.0f} bytes of memory each, SQLite's caches included")
    print(f"{size / (count + WARM):.0f} bytes of disk each; in the node's own memory: {node.loop.in_memory}")
    await node.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(measure(parser.parse_args().count, Path(directory)))
