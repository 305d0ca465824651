"""All that calls handlers by itself at one node: follows what is defined and declared, and has it read and kept."""

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from google.protobuf.message import DecodeError
from perdure_protos.perdure.admin.v1 import definitions_pb2 as wire

from perdure_runtime.partition.placement import Placement
from perdure_runtime.sources.errands import Errands
from perdure_runtime.sources.kept import Kept
from perdure_runtime.sources.node import Node
from perdure_runtime.sources.opening import open_topic
from perdure_runtime.sources.port import (
    SCHEDULE,
    SCHEDULE_RECORD,
    SUBSCRIPTION,
    TOPIC_RECORD,
    Invocations,
    Registry,
    Survey,
    Tally,
    Topic,
)
from perdure_runtime.sources.schedules import Keeping, declared_by, timetable_of
from perdure_runtime.sources.secrets import Secrets
from perdure_runtime.sources.subscription import Following, prefix_of
from perdure_runtime.storage.api import StorageFailure

# So often definitions are read.
LOOK_S = 1.0

log = logging.getLogger(__name__)


class Sources:
    """Subscriptions and schedules at one node. Implements ``admin.port.Sources``."""

    def __init__(
        self,
        invocations: Invocations,
        registry: Registry,
        survey: Survey,
        placement: Placement,
        is_here: Callable[[int], bool],
        clock_ms: Callable[[], int],
        tally: Tally,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        """``is_here`` says which partitions are this node's; ``environment`` has the secrets that definitions name."""
        self._kept = Kept(registry, survey)
        self._node = Node(invocations, placement, is_here, self._kept, clock_ms)
        self._tally = tally
        self._environment = environment
        self._followings: Errands[Following] = Errands()
        self._keepings: Errands[Keeping] = Errands()
        self._defined: dict[str, wire.Schedule] = {}
        self._subscriptions: dict[str, wire.Subscription] = {}
        self._last_ms: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Reads and keeps what is defined from now on."""
        self._task = asyncio.create_task(self._run(), name="sources")

    async def close(self) -> None:
        """Stops. What was on its way is brought again by whoever goes on with it; closing twice is harmless."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(self._followings.close(), self._keepings.close())

    # What the admin API asks.

    def subscription(self, name: str) -> wire.Subscription.Progress | None:
        """How far a subscription has come; None where this node does not know it."""
        defined = self._subscriptions.get(name)
        if defined is not None and defined.paused:
            return wire.Subscription.Progress(status="paused")
        following = self._followings.get(name)
        return None if following is None else following.progress()

    def declared(self) -> Sequence[wire.Schedule]:
        """The schedules that contracts declare."""
        return declared_by(self._node.invocations.contracts)

    def next_ms(self, schedule: wire.Schedule) -> int:
        """When a schedule calls next; 0 where it does not."""
        return 0 if schedule.paused else timetable_of(schedule).next_ms(self._node.clock_ms()) or 0

    def last_ms(self, schedule: wire.Schedule) -> int:
        """The last time that became an invocation; 0 before the first."""
        keeping = self._keepings.get(schedule.name)
        return max(self._last_ms.get(schedule.name, 0), 0 if keeping is None else keeping.last_ms)

    def check(self, schedule: wire.Schedule) -> None:
        """Raises ValueError, with what is wrong and what to write, where its times are none."""
        timetable_of(schedule)

    # Following definitions.

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except StorageFailure as failure:
                log.warning("what is defined of subscriptions and schedules cannot be read: %s", failure)
            except Exception:
                log.exception("subscriptions and schedules are looked at again soon")
            await asyncio.sleep(LOOK_S)

    async def _look(self) -> None:
        kept = self._kept
        # Records first: those that are made from now on belong to definitions that are read after.
        topic_records, schedule_records = await kept.definitions(TOPIC_RECORD), await kept.definitions(SCHEDULE_RECORD)
        self._subscriptions = _read(wire.Subscription, await kept.definitions(SUBSCRIPTION))
        self._defined = _read(wire.Schedule, await kept.definitions(SCHEDULE))
        await self._follow()
        await self._keep()
        self._last_ms = await kept.heads("schedule/") if self._keepings else {}
        prefixes = tuple(map(prefix_of, self._subscriptions.values()))
        for name in topic_records:
            if not name.startswith(prefixes):
                await kept.define(TOPIC_RECORD, name, None)
        for name in schedule_records:
            # What contracts declare has a "/" in its name, and is forgotten when it is dropped.
            if name.count("/") == 1 and name.removeprefix("schedule/") not in self._defined:
                await kept.define(SCHEDULE_RECORD, name, None)

    async def _follow(self) -> None:
        read = {name: each for name, each in self._subscriptions.items() if not each.paused}
        wishes = {name: _wish(each) for name, each in read.items()}
        await self._followings.change(wishes, lambda name: Following(read[name], self._open, self._node, self._tally))
        for name, each in read.items():
            following = self._followings.get(name)
            assert following is not None
            following.skip(each.skip)

    async def _keep(self) -> None:
        schedules = {**self._defined, **{each.name: each for each in self.declared()}}
        wishes = {name: each.SerializeToString(deterministic=True) for name, each in schedules.items()}
        for name in await self._keepings.change(wishes, lambda name: Keeping(schedules[name], self._node)):
            # Its service may only be away; where the contract has dropped it, it begins anew when it comes back.
            if name.partition("/")[0] in self._node.invocations.contracts:
                await self._kept.define(SCHEDULE_RECORD, f"schedule/{name}", None)

    async def _open(self, subscription: wire.Subscription) -> Topic:
        return await open_topic(subscription, Secrets(self._environment))


def _wish(subscription: wire.Subscription) -> bytes:
    """What has a subscription read anew where it changes; what is to be left out does not."""
    wish = wire.Subscription()
    wish.CopyFrom(subscription)
    wish.skip.clear()
    return wish.SerializeToString(deterministic=True)


Definition = TypeVar("Definition", wire.Subscription, wire.Schedule)


def _read(type: type[Definition], contents: Mapping[str, bytes]) -> dict[str, Definition]:
    found: dict[str, Definition] = {}
    for name, content in contents.items():
        try:
            found[name] = type.FromString(content)
        except DecodeError:
            log.error("what is defined as %s cannot be read, and is passed over: define it again", name)
    return found
