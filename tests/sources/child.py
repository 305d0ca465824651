"""A process for tests: a node on SQLite with its sources, and the endpoint that they call, until it is killed.

Its arguments are the directory of its data and definitions as JSON: subscriptions, then schedules.
"""

import asyncio
import json
import sys
from pathlib import Path

from google.protobuf import json_format
from perdure.session import EndpointSession
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription
from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.node.clock import wall_clock_ms
from perdure_runtime.node.node import Node
from perdure_runtime.partition.placement import Placement
from perdure_runtime.sources.port import SCHEDULE, SUBSCRIPTION
from perdure_runtime.sources.sources import Sources
from perdure_runtime.storage.sqlite import SqliteStorage

from tests.sources.counting import app

PARTITIONS = 4


async def main(data: Path, subscriptions: str, schedules: str) -> None:
    """Runs until it is killed."""
    storage = SqliteStorage(data / "perdure.db", Placement(PARTITIONS))
    for text in json.loads(subscriptions):
        subscription = json_format.ParseDict(text, Subscription())
        storage.define(SUBSCRIPTION, subscription.name, subscription.SerializeToString())
    for text in json.loads(schedules):
        schedule = json_format.ParseDict(text, Schedule())
        storage.define(SCHEDULE, schedule.name, schedule.SerializeToString())
    node = Node(storage)
    await node.start()
    node.invoker.add(LocalTransport(lambda send: EndpointSession(app, send)), Contracts.discovered(app.discovery()))
    sources = Sources(
        node.router,
        storage,
        node.administration.survey,
        storage.placement,
        node.is_here,
        wall_clock_ms,
        node.metrics.sources,
    )
    await sources.start()
    await node.failed()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
