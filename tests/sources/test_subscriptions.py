"""Subscriptions on a real node, to a topic on librdkafka's mock cluster, as operators change them."""

from typing import Any

from perdure_protos.perdure.admin.v1.definitions_pb2 import Subscription

from tests.sources.broker import KEYS, TOPIC, Kafka
from tests.sources.counting import HANDLER
from tests.sources.room import Room, play

MESSAGES = 300


def subscription(kafka: Kafka, start: str = "earliest", **more: Any) -> Subscription:
    """As an operator would define it."""
    place = Subscription.Kafka(brokers=kafka.brokers, topic=TOPIC, start=start)
    made = Subscription(name="orders", kafka=place, handler=HANDLER, mapping=Subscription.JSON, created_at_ms=1)
    made.MergeFrom(Subscription(**more))
    return made


def send(kafka: Kafka, numbers: range) -> None:
    """Sends them, and knows that they are there."""
    for number in numbers:
        kafka.send(number)
    kafka.producer.flush(10)


def wanted(numbers: range) -> dict[str, list[str]]:
    """What each counter is to be told, in order."""
    keys = sorted({number % KEYS for number in numbers})
    return {f"c{key}": [str(number) for number in numbers if number % KEYS == key] for key in keys}


def count(room: Room) -> int:
    """How often anything was told."""
    return sum(map(len, room.told().values()))


def test_the_messages_of_all_partitions_become_calls_each_once_and_in_order_of_their_keys() -> None:
    async def story(room: Room) -> None:
        kafka = Kafka()
        send(kafka, range(MESSAGES))
        room.define(subscription(kafka))
        sources = await room.sources()
        await room.until(lambda: count(room) >= MESSAGES)
        assert room.told() == wanted(range(MESSAGES))
        progress = sources.subscription("orders")
        assert progress is not None
        assert progress.status == "reading"
        assert sum(offset + 1 for offset in progress.offsets.values()) == MESSAGES

    play(story)


def test_one_from_latest_leaves_out_what_was_there() -> None:
    async def story(room: Room) -> None:
        kafka = Kafka()
        send(kafka, range(50))
        room.define(subscription(kafka, "latest"))
        await room.sources()
        partitions = len(kafka.producer.list_topics(TOPIC, timeout=10).topics[TOPIC].partitions)
        await room.until(lambda: len(room.records("topic_record")) == partitions)
        send(kafka, range(50, 100))
        await room.until(lambda: count(room) >= 50)
        assert room.told() == wanted(range(50, 100))

    play(story)


def test_a_message_that_is_no_call_is_named_and_can_be_left_out() -> None:
    async def story(room: Room) -> None:
        kafka = Kafka()
        kafka.send(0, b"no json")
        kafka.producer.flush(10)
        send(kafka, range(10, 20))
        room.define(subscription(kafka))
        sources = await room.sources()

        def status() -> str:
            progress = sources.subscription("orders")
            return "" if progress is None else progress.status

        await room.until(lambda: status() == "stuck")
        progress = sources.subscription("orders")
        assert progress is not None
        assert f"message 0 of {TOPIC} " in progress.problem
        stuck = progress.problem.split()[4]
        room.define(subscription(kafka, skip={stuck: 0}))
        await room.until(lambda: count(room) >= 10)
        assert room.told() == wanted(range(10, 20))
        await room.until(lambda: status() == "reading")

    play(story)


def test_one_that_is_paused_brings_nothing_and_goes_on_where_it_was() -> None:
    async def story(room: Room) -> None:
        kafka = Kafka()
        send(kafka, range(50))
        room.define(subscription(kafka))
        sources = await room.sources()
        await room.until(lambda: count(room) >= 50)
        room.define(subscription(kafka, paused=True))

        def is_paused() -> bool:
            progress = sources.subscription("orders")
            return progress is not None and progress.status == "paused"

        await room.until(is_paused)
        room.define(subscription(kafka))
        send(kafka, range(50, 100))
        await room.until(lambda: count(room) >= 100)
        assert room.told() == wanted(range(100))

    play(story)


def test_a_topic_that_is_not_there_is_waited_for_with_words_that_say_so() -> None:
    async def story(room: Room) -> None:
        made = Subscription(name="orders", handler=HANDLER, mapping=Subscription.JSON, created_at_ms=1)
        made.kafka.MergeFrom(Subscription.Kafka(brokers="127.0.0.1:1", topic=TOPIC))
        room.define(made)
        sources = await room.sources()

        def problem() -> str:
            progress = sources.subscription("orders")
            return "" if progress is None or progress.status != "waiting" else progress.problem

        await room.until(lambda: "Kafka at 127.0.0.1:1 does not answer" in problem())

    play(story)
