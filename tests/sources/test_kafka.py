"""A topic on librdkafka's own mock cluster calls handlers, each message once, whoever is killed."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.sources.counting import HANDLER
from tests.sources.processes import Child, count

TOPIC = "orders"
MESSAGES = 2_000
KEYS = 10


class Kafka:
    """A mock cluster, which lives as long as the producer that has it."""

    def __init__(self) -> None:
        self.producer = Producer({"bootstrap.servers": "mock:1", "test.mock.num.brokers": 2, "log_level": 3})
        brokers = self.producer.list_topics(timeout=10).brokers.values()
        self.brokers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def send(self, number: int, value: bytes | None = None) -> None:
        """Sends a message for a counter."""
        key = f"c{number % KEYS}"
        text = json.dumps({"counter": key, "reason": str(number)}).encode()
        self.producer.produce(TOPIC, text if value is None else value, key=key)
        self.producer.poll(0)


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    """A cluster without topics."""
    cluster = Kafka()
    yield cluster
    cluster.producer.flush(10)


def subscription(kafka: Kafka, **more: object) -> dict[str, object]:
    """As an operator would define it."""
    place = {"brokers": kafka.brokers, "topic": TOPIC, "start": "earliest"}
    return {
        "name": "orders",
        "kafka": place,
        "handler": HANDLER,
        "mapping": "JSON",
        "created_at_ms": 1,
        **more,
    }


def test_each_message_is_told_once_and_in_order_however_often_the_node_is_killed(kafka: Kafka, tmp_path: Path) -> None:
    for number in range(MESSAGES):
        kafka.send(number)
    kafka.producer.flush(10)
    child = Child(tmp_path, [subscription(kafka)], [])
    child.start()
    try:
        for part in (200, 700, 1_200, 1_700):
            child.until(lambda told, part=part: count(told) >= part)
            child.kill()
            child.start()
        told = child.until(lambda told: count(told) >= MESSAGES)
        # What would come twice comes soon.
        kafka.send(MESSAGES)
        kafka.producer.flush(10)
        told = child.until(lambda told: str(MESSAGES) in told["c0"])
    finally:
        child.kill()
    for key in range(KEYS):
        assert told[f"c{key}"] == [str(number) for number in range(MESSAGES + 1) if number % KEYS == key]
