"""A topic to read: the mock cluster that librdkafka has of its own, which speaks the protocol over a socket."""

import json

from confluent_kafka import Producer

TOPIC = "orders"
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
