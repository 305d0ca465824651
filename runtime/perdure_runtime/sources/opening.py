"""Clients of topics. What each needs is an extra of the distribution, and is imported when something is subscribed."""

from perdure_protos.perdure.admin.v1.definitions_pb2 import Subscription

from perdure_runtime.sources.port import Topic, TopicTrouble
from perdure_runtime.sources.secrets import Secrets


async def open_topic(subscription: Subscription, secrets: Secrets) -> Topic:
    """Makes a client of the topic of a subscription. Raises TopicTrouble."""
    try:
        match subscription.WhichOneof("source"):
            case "kafka":
                from perdure_runtime.sources.kafka import KafkaTopic

                return KafkaTopic(subscription, secrets)
            case "nats":
                from perdure_runtime.sources.nats import open_stream

                return await open_stream(subscription, secrets)
            case _:
                raise TopicTrouble("it names no source: set kafka or nats")
    except ImportError as error:
        extra = subscription.WhichOneof("source")
        raise TopicTrouble(
            f"this node has no client of it ({error.name}); install perdure[{extra}] and start the node again"
        ) from error
