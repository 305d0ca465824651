"""One subscription: all partitions of its topic that this node looks after."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial

from perdure_protos.perdure.admin.v1 import definitions_pb2 as wire

from perdure_runtime.sources.node import Node
from perdure_runtime.sources.port import Tally, Topic, TopicTrouble
from perdure_runtime.sources.reading import LONGEST_PAUSE_S, READING, Reading, Source, State
from perdure_runtime.sources.request import Calling, place_of_source
from perdure_runtime.storage.api import StorageFailure

# So often the partitions of a topic are looked for, and how far behind each is; and so often who looks after which.
LOOK_S = 5.0
HOMES_S = 0.5

log = logging.getLogger(__name__)

Open = Callable[[wire.Subscription], Awaitable[Topic]]


class Following:
    """Reads what of a subscription is this node's to read, until it is cancelled."""

    def __init__(
        self,
        subscription: wire.Subscription,
        open: Open,
        node: Node,
        tally: Tally,
    ) -> None:
        """``open`` makes a client of the topic, and raises TopicTrouble."""
        self._subscription = wire.Subscription()
        self._subscription.CopyFrom(subscription)
        self._open = open
        self._node = node
        self._tally = tally
        self._readings: dict[str, Reading] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._troubles: dict[str, str] = {}
        self._elsewhere: dict[str, int] = {}
        self._trouble = "its topic is yet to be found"

    @property
    def prefix(self) -> str:
        """What the names of its sources begin with. One that is removed and defined again begins anew."""
        return prefix_of(self._subscription)

    def progress(self) -> wire.Subscription.Progress:
        """How far it has come, as far as this node knows."""
        state = self._state()
        offsets = dict(self._elsewhere)
        offsets.update({name: each.done for name, each in self._readings.items() if each.begun and each.done >= 0})
        return wire.Subscription.Progress(status=state.status, problem=state.problem, offsets=offsets)

    def skip(self, skip: Mapping[str, int]) -> None:
        """Other messages are to be left out than before."""
        self._subscription.skip.clear()
        self._subscription.skip.update(skip)

    async def run(self) -> None:
        """Reads until cancelled."""
        topic: Topic | None = None
        try:
            while True:
                try:
                    if topic is None:
                        topic = await self._open(self._subscription)
                    await self._look(topic)
                    self._trouble = ""
                except (TopicTrouble, StorageFailure) as trouble:
                    if self._trouble != str(trouble):
                        log.warning("subscription %s waits: %s", self._subscription.name, trouble)
                    self._trouble = str(trouble)
                    await asyncio.sleep(LONGEST_PAUSE_S)
                else:
                    await self._watch(topic)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            if topic is not None:
                await topic.close()

    async def _look(self, topic: Topic) -> None:
        names = sorted(await topic.partitions())
        for name in names:
            if name not in self._readings:
                self._readings[name] = self._new_reading(name)
            if self._is_mine(name):
                bounds = await topic.bounds(name)
                behind = max(0, bounds.next - 1 - self._readings[name].done) if self._readings[name].begun else 0
                self._tally.lag(self._subscription.name, name, behind)
        if not all(map(self._is_mine, names)):
            self._elsewhere = await self._node.kept.heads(self.prefix)

    async def _watch(self, topic: Topic) -> None:
        """Sees to it that what is this node's to read is read, and nothing else, until it is time to look again."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + LOOK_S
        while loop.time() < until_s:
            for name in self._readings:
                task = self._tasks.get(name)
                if self._is_mine(name) and task is None:
                    self._tasks[name] = asyncio.create_task(self._read(topic, name), name=f"source {self.prefix}{name}")
                elif task is not None and not self._is_mine(name):
                    del self._tasks[name]
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    self._readings[name] = self._new_reading(name)
            await asyncio.sleep(min(HOMES_S, max(0.0, until_s - loop.time())))

    async def _read(self, topic: Topic, name: str) -> None:
        while True:
            try:
                await self._readings[name].run(topic, name)
            except (TopicTrouble, StorageFailure) as trouble:
                log.warning("%s %s is read again soon: %s", self._subscription.name, name, trouble)
                self._troubles[name] = str(trouble)
            except Exception:
                log.exception("%s %s is read again soon", self._subscription.name, name)
                self._troubles[name] = "the runtime failed to read it; its log says why"
            await asyncio.sleep(LONGEST_PAUSE_S / 2)
            self._readings[name] = self._new_reading(name)

    def _new_reading(self, name: str) -> Reading:
        defined = self._subscription
        topic = defined.kafka.topic if defined.HasField("kafka") else defined.nats.stream
        start = defined.kafka.start if defined.HasField("kafka") else defined.nats.start
        source = Source(
            name=self.prefix + name,
            place=f"{topic} {name}" if name != topic else topic,
            calling=Calling(defined.handler, defined.mapping == wire.Subscription.JSON),
            from_latest=start == "latest",
            skips=lambda position: name in defined.skip and defined.skip[name] == position,
        )
        delivered = partial(self._delivered, name)
        return Reading(source, self._node, delivered)

    def _delivered(self, name: str) -> None:
        self._troubles.pop(name, None)
        self._tally.delivered(self._subscription.name)

    def _is_mine(self, name: str) -> bool:
        return self._node.is_here(self._node.placement.of_place(place_of_source(self.prefix + name)))

    def _state(self) -> State:
        if self._trouble:
            return State("waiting", self._trouble)
        states = [self._readings[name].state for name in self._tasks]
        for state in states:
            if state.status == "stuck":
                return state
        for name in self._tasks:
            with suppress(KeyError):
                return State("waiting", self._troubles[name])
        return next((state for state in states if state.problem), READING)


def prefix_of(subscription: wire.Subscription) -> str:
    """What the names of the sources of a subscription begin with."""
    kind = subscription.WhichOneof("source")
    topic = subscription.kafka.topic if kind == "kafka" else subscription.nats.stream
    return f"{kind}/{subscription.name}@{subscription.created_at_ms}/{topic}/"
