"""Subscriptions: defined, looked at, paused."""

from perdure_protos.perdure.admin.v1.definitions_pb2 import (
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    PutSubscriptionRequest,
    RemoveSubscriptionRequest,
    RemoveSubscriptionResponse,
    Subscription,
)

from perdure_runtime.cli.asking.defining import read_definition
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import note, print_json, say, table
from perdure_runtime.cli.problem import Problem


def print_all(connection: Connection, *, as_json: bool) -> None:
    """Prints all subscriptions."""
    answer = _all(connection)
    if as_json:
        print_json(answer)
    elif not answer.subscriptions:
        note("there are none; perdure subscriptions put FILE defines one")
    else:
        table(("name", "source", "handler", "status", "problem"), map(_row, answer.subscriptions))


def put(connection: Connection, file: str) -> None:
    """Defines what is in a file. Raises Problem."""
    request = PutSubscriptionRequest(subscription=read_definition(file, Subscription))
    defined = ask(connection, request, Subscription)
    say(f"{defined.name} calls {defined.handler} for each message of {_source(defined)}")


def remove(connection: Connection, name: str) -> None:
    """Removes a subscription."""
    ask(connection, RemoveSubscriptionRequest(name=name), RemoveSubscriptionResponse)
    say(f"{name} is removed")


def set_paused(connection: Connection, name: str, *, paused: bool) -> None:
    """Lets it read, or not. Raises Problem."""
    subscription = _one(connection, name)
    subscription.paused = paused
    ask(connection, PutSubscriptionRequest(subscription=subscription), Subscription)
    say(f"{name} is {'paused' if paused else 'resumed'}")


def skip(connection: Connection, name: str, partition: str, offset: int) -> None:
    """Leaves a message out. Raises Problem."""
    subscription = _one(connection, name)
    subscription.skip[partition] = offset
    ask(connection, PutSubscriptionRequest(subscription=subscription), Subscription)
    say(f"{name} leaves message {offset} of partition {partition} out")


def _one(connection: Connection, name: str) -> Subscription:
    for subscription in _all(connection).subscriptions:
        if subscription.name == name:
            return subscription
    raise Problem(f"there is no subscription {name!r}; perdure subscriptions list shows those that there are")


def _all(connection: Connection) -> ListSubscriptionsResponse:
    return ask(connection, ListSubscriptionsRequest(), ListSubscriptionsResponse)


def _row(subscription: Subscription) -> tuple[str, ...]:
    progress = subscription.progress
    return subscription.name, _source(subscription), subscription.handler, progress.status, progress.problem


def _source(subscription: Subscription) -> str:
    if subscription.HasField("nats"):
        return f"NATS {subscription.nats.stream} {subscription.nats.subject}".rstrip()
    return f"Kafka {subscription.kafka.topic}"
