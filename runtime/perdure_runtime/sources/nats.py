"""A stream of NATS JetStream. It is read by consumers without acknowledgements: where to read is in the marks."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Collection
from contextlib import suppress
from typing import TypeVar

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, ReplayPolicy
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError
from perdure_protos.perdure.admin.v1.definitions_pb2 import Subscription

from perdure_runtime.sources.port import Bounds, Message, TopicTrouble
from perdure_runtime.sources.secrets import Secrets

ASKING_S = 5.0
# One request for messages asks for so many, and waits so long for the first.
MOST_AT_ONCE = 256
WAITING_S = 2.0
# The server forgets a consumer that has not been asked for so long.
INACTIVE_S = 60.0

T = TypeVar("T")

log = logging.getLogger(__name__)


async def open_stream(subscription: Subscription, secrets: Secrets) -> "NatsTopic":
    """Connects. Raises TopicTrouble."""
    servers = [secrets.fill(each.strip()) for each in subscription.nats.servers.split(",")]
    shown = subscription.nats.servers
    try:
        client = await nats.connect(
            servers,
            name=f"perdure subscription {subscription.name}",
            connect_timeout=int(ASKING_S),
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=1,
            error_cb=_heard,
        )
    except (NatsError, OSError, ValueError, TimeoutError) as error:
        raise TopicTrouble(f"NATS at {shown} does not answer: {secrets.mask(_said(error))}") from error
    return NatsTopic(client, subscription, shown, secrets)


async def _heard(error: Exception) -> None:
    log.debug("a connection to NATS: %s", type(error).__name__)


class NatsTopic:
    """Implements ``Topic``: a stream is its one partition, called as it is."""

    def __init__(self, client: Client, subscription: Subscription, servers: str, secrets: Secrets) -> None:
        self._client = client
        self._context: JetStreamContext = client.jetstream(timeout=ASKING_S)
        self._stream = subscription.nats.stream
        self._subject = subscription.nats.subject
        self._servers = servers
        self._secrets = secrets

    async def partitions(self) -> Collection[str]:
        """The stream. Raises TopicTrouble where there is none."""
        await self.bounds(self._stream)
        return [self._stream]

    async def bounds(self, partition: str) -> Bounds:
        """The sequence numbers that the stream holds. Raises TopicTrouble."""
        found = await self.ask(self._context.stream_info(self._stream))
        return Bounds(found.state.first_seq, found.state.last_seq + 1)

    async def feed(self, partition: str, position: int) -> "NatsFeed":
        """Reads the stream from a sequence number on. Raises TopicTrouble."""
        return NatsFeed(self, await self.consumer(position), position)

    async def consumer(self, position: int) -> JetStreamContext.PullSubscription:
        """A consumer of the server that begins at a sequence number."""
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(1, position),
            ack_policy=AckPolicy.NONE,
            replay_policy=ReplayPolicy.INSTANT,
            inactive_threshold=INACTIVE_S,
            mem_storage=True,
            num_replicas=1,
            filter_subject=self._subject or None,
        )
        return await self.ask(self._context.pull_subscribe(self._subject or ">", stream=self._stream, config=config))

    async def ask(self, question: Awaitable[T]) -> T:
        """Asks the server. Raises TopicTrouble."""
        try:
            return await asyncio.wait_for(question, 2 * ASKING_S)
        except NotFoundError as error:
            raise TopicTrouble(
                f"NATS at {self._servers} has no stream {self._stream}, or nothing of it on this subject "
                f"({_said(error)}); make it, or name another"
            ) from error
        except (NatsError, JetStreamError, OSError, TimeoutError) as error:
            raise TopicTrouble(
                f"NATS at {self._servers} does not answer for stream {self._stream}: {self._secrets.mask(_said(error))}"
            ) from error

    async def close(self) -> None:
        """Closes the connection."""
        with suppress(NatsError, OSError, TimeoutError):
            await asyncio.wait_for(self._client.close(), ASKING_S)


class NatsFeed:
    """Implements ``Feed``. The server numbers what it gives a consumer: where a number is left out, it begins again."""

    def __init__(self, topic: NatsTopic, consumer: JetStreamContext.PullSubscription, position: int) -> None:
        self._topic = topic
        self._consumer: JetStreamContext.PullSubscription | None = consumer
        self._next = position
        self._given = 0
        self._waiting: deque[Message] = deque()

    async def next(self) -> Message:
        """Waits for the next message. Raises TopicTrouble."""
        while not self._waiting:
            if self._consumer is None:
                self._consumer = await self._topic.consumer(self._next)
                self._given = 0
            for message in await self._fetch(self._consumer):
                if not self._put(message):
                    await self.close()
                    break
        return self._waiting.popleft()

    async def close(self) -> None:
        """Reads no further."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            # The server forgets it by itself.
            with suppress(NatsError, OSError):
                await consumer.unsubscribe()

    async def _fetch(self, consumer: JetStreamContext.PullSubscription) -> list[Msg]:
        try:
            return await consumer.fetch(MOST_AT_ONCE, timeout=WAITING_S)
        except TimeoutError:
            # Nothing has come, or what was given has not; or the consumer is lost with its server: only asking shows.
            try:
                known = await self._topic.ask(consumer.consumer_info())
            except TopicTrouble:
                await self.close()
                raise
            if known.delivered is None or known.delivered.consumer_seq > self._given:
                await self.close()
            return []
        except (NatsError, JetStreamError, OSError) as error:
            await self.close()
            raise TopicTrouble(f"a stream of NATS cannot be read: {_said(error)}") from error

    def _put(self, message: Msg) -> bool:
        """Takes a message; says whether it was the next one of its consumer."""
        number = message.metadata.sequence
        if number.consumer != self._given + 1:
            return False
        self._given = number.consumer
        if number.stream >= self._next:
            headers = tuple((name, value.encode()) for name, value in (message.headers or {}).items())
            self._waiting.append(Message(number.stream, message.data, None, headers))
            self._next = number.stream + 1
        return True


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
