"""A topic on librdkafka's own mock cluster calls handlers, each message once, whoever is killed."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.sources.broker import KEYS, TOPIC, Kafka
from tests.sources.counting import HANDLER
from tests.sources.processes import Child, count, has_been_told

MESSAGES = 2_000


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
            child.until(partial(has_been_told, part))
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
