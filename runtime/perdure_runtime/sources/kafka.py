"""A topic of Kafka, read by a client without a group: where to read is in the marks, and Kafka is told nothing."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as KafkaMessage
from perdure_protos.perdure.admin.v1.definitions_pb2 import Subscription

from perdure_runtime.sources.port import Bounds, Message, TopicTrouble
from perdure_runtime.sources.secrets import Secrets

ASKING_S = 5.0
POLL_S = 0.1
MOST_AT_ONCE = 256
# What of a partition waits here to be delivered; its client waits with more.
MOST_WAITING = 512
MOST_WAITING_BYTES = 4 * 1024 * 1024
# What the client keeps of all partitions.
MOST_FETCHED_KB = 16 * 1024
# What a subscription cannot set, since exactly once stands on it.
OWN = frozenset(
    (
        *("bootstrap.servers", "group.id", "enable.auto.commit", "enable.auto.offset.store"),
        *("auto.offset.reset", "enable.partition.eof"),
    )
)

T = TypeVar("T")

log = logging.getLogger(__name__)


class KafkaTopic:
    """Implements ``Topic``. The client is used in one thread of its own, since it blocks."""

    def __init__(self, subscription: Subscription, secrets: Secrets) -> None:
        """Raises TopicTrouble where the settings are wrong."""
        defined = subscription.kafka
        self._topic = defined.topic
        self._brokers = defined.brokers
        self._secrets = secrets
        self._feeds: dict[int, KafkaFeed] = {}
        self._paused: set[int] = set()
        self._said = ""
        wrong = sorted(OWN & set(defined.settings))
        if wrong:
            raise TopicTrouble(f"the settings name {', '.join(wrong)}, which perdure sets by itself; leave it out")
        settings: dict[str, Any] = {"queued.max.messages.kbytes": MOST_FETCHED_KB}
        settings |= {name: secrets.fill(value) for name, value in defined.settings.items()}
        settings |= {
            "bootstrap.servers": secrets.fill(defined.brokers),
            "group.id": f"perdure-{subscription.name}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "error_cb": self._heard,
            "logger": log,
        }
        try:
            self._consumer = Consumer(settings)
        except (KafkaException, ValueError, TypeError) as error:
            raise TopicTrouble(f"the settings are none of librdkafka: {self._shown(error)}") from error
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"kafka {subscription.name}")
        self._polling = asyncio.create_task(self._poll(), name=f"kafka {subscription.name}")

    async def partitions(self) -> Collection[str]:
        """The numbers of its partitions. Raises TopicTrouble."""
        found = await self._ask(lambda: self._consumer.list_topics(self._topic, timeout=ASKING_S))
        topic = found.topics[self._topic]
        if topic.error is not None:
            raise TopicTrouble(
                f"there is no topic {self._topic} at {self._brokers} ({topic.error.str()}); make it, or name another"
            )
        return [str(number) for number in topic.partitions]

    async def bounds(self, partition: str) -> Bounds:
        """The offsets that a partition holds. Raises TopicTrouble."""
        place = TopicPartition(self._topic, int(partition))
        first, after = await self._ask(lambda: self._consumer.get_watermark_offsets(place, timeout=ASKING_S))
        return Bounds(first, after)

    async def feed(self, partition: str, position: int) -> "KafkaFeed":
        """Reads a partition from an offset on."""
        number = int(partition)
        feed = KafkaFeed(self, number, position)

        def assign() -> None:
            self._consumer.incremental_assign([TopicPartition(self._topic, number, position)])
            self._feeds[number] = feed

        await self._ask(assign)
        return feed

    async def unfeed(self, number: int) -> None:
        """Reads a partition no further."""

        def unassign() -> None:
            if self._feeds.pop(number, None) is not None:
                self._consumer.incremental_unassign([TopicPartition(self._topic, number)])

        await self._ask(unassign)
        self._paused.discard(number)

    async def close(self) -> None:
        """Closes the client."""
        self._polling.cancel()
        await asyncio.gather(self._polling, return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._consumer.close)
        self._thread.shutdown(wait=False)

    async def _poll(self) -> None:
        while True:
            try:
                for feed, message in await self._ask(self._fetch):
                    self._dispatch(feed, message)
                await self._balance()
            except TopicTrouble as trouble:
                for feed in list(self._feeds.values()):
                    feed.fail(trouble)
                await asyncio.sleep(POLL_S)

    def _fetch(self) -> list[tuple["KafkaFeed | None", KafkaMessage]]:
        """What there is, each with the feed that it belongs to as the client is assigned now; waits a moment for it."""
        found: list[tuple[KafkaFeed | None, KafkaMessage]] = []
        message = self._consumer.poll(POLL_S)
        while message is not None:
            number = message.partition()
            found.append((None if number is None else self._feeds.get(number), message))
            message = self._consumer.poll(0) if len(found) < MOST_AT_ONCE else None
        return found

    def _dispatch(self, feed: "KafkaFeed | None", message: KafkaMessage) -> None:
        error = message.error()
        if error is None:
            if feed is not None:
                feed.put(message)
        elif feed is None:
            self._heard(error)
        else:
            place = f"partition {message.partition()} of {self._topic}"
            feed.fail(TopicTrouble(f"{place} cannot be read: {self._shown(error)}"))

    async def _balance(self) -> None:
        """Has the client wait with partitions whose messages wait here."""
        feeds = dict(self._feeds)
        full = {number for number, feed in feeds.items() if feed.is_full} - self._paused
        eager = {number for number in self._paused if number in feeds and feeds[number].is_low}
        if full:
            await self._ask(lambda: self._consumer.pause(self._places(full)))
        if eager:
            await self._ask(lambda: self._consumer.resume(self._places(eager)))
        self._paused = (self._paused | full) - eager

    def _places(self, numbers: Collection[int]) -> list[TopicPartition]:
        return [TopicPartition(self._topic, number) for number in numbers]

    async def _ask(self, question: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, question)
        except (KafkaException, RuntimeError) as error:
            said = f" ({self._said})" if self._said else ""
            raise TopicTrouble(f"Kafka at {self._brokers} does not answer: {self._shown(error)}{said}") from error

    def _heard(self, error: KafkaError) -> None:
        self._said = self._shown(error)

    def _shown(self, error: object) -> str:
        if isinstance(error, KafkaException) and error.args:
            error = error.args[0]
        return self._secrets.mask(error.str() if isinstance(error, KafkaError) else str(error))


class KafkaFeed:
    """Implements ``Feed``."""

    def __init__(self, topic: KafkaTopic, number: int, position: int) -> None:
        self._topic = topic
        self._number = number
        self._next = position
        self._waiting: deque[Message] = deque()
        self._bytes = 0
        self._trouble: TopicTrouble | None = None
        self._news = asyncio.Event()

    @property
    def is_full(self) -> bool:
        """Whether enough waits here."""
        return len(self._waiting) >= MOST_WAITING or self._bytes >= MOST_WAITING_BYTES

    @property
    def is_low(self) -> bool:
        """Whether it is time for more."""
        return len(self._waiting) < MOST_WAITING // 2 and self._bytes < MOST_WAITING_BYTES // 2

    async def next(self) -> Message:
        """Waits for the next message. Raises TopicTrouble."""
        while not self._waiting:
            if self._trouble is not None:
                raise self._trouble
            self._news.clear()
            await self._news.wait()
        message = self._waiting.popleft()
        self._bytes -= len(message.value or b"")
        return message

    async def close(self) -> None:
        """Reads no further."""
        await self._topic.unfeed(self._number)

    def put(self, message: KafkaMessage) -> None:
        """The client has a message."""
        offset = message.offset()
        if offset is None or offset < self._next:
            return
        self._next = offset + 1
        value = message.value()
        self._waiting.append(Message(offset, value, message.key(), tuple(_headers(message))))
        self._bytes += len(value or b"")
        self._news.set()

    def fail(self, trouble: TopicTrouble) -> None:
        """It cannot be read any further."""
        self._trouble = trouble
        self._news.set()


def _headers(message: KafkaMessage) -> Iterator[tuple[str, bytes]]:
    headers = message.headers() or ()
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        if value is not None:
            yield name, value if isinstance(value, bytes) else value.encode()
