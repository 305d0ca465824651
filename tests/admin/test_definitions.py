"""Subscriptions and schedules: what is defined is stored and shown, and what is none is refused."""

import pytest
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription
from perdure_runtime.admin.client import AdminRefused

from tests.admin.town import Town, play

ORDERS = Subscription(
    name="orders",
    handler="trial.v1.Trial/First",
    kafka=Subscription.Kafka(brokers="localhost:9092", topic="orders", settings={"security.protocol": "ssl"}),
    mapping=Subscription.JSON,
)
EVENTS = Subscription(
    name="events", handler="trial.v1.Trial/First", nats=Subscription.Nats(servers="nats://x", stream="EVENTS")
)
NIGHTLY = Schedule(name="nightly", handler="trial.v1.Trial/First", cron="0 3 * * *", request='{"text": "night"}')


def test_subscriptions_are_stored_until_they_are_removed() -> None:
    async def story(town: Town) -> None:
        put = await town.admin.put_subscription(ORDERS)
        assert put.created_at_ms > 0
        assert (put.kafka, put.mapping, put.progress.status) == (ORDERS.kafka, ORDERS.mapping, "waiting")
        await town.admin.put_subscription(EVENTS)
        assert [each.name for each in await town.admin.subscriptions()] == ["events", "orders"]
        assert town.storage.definitions("subscription").keys() == {"events", "orders"}
        await town.admin.remove_subscription("orders")
        assert [each.name for each in await town.admin.subscriptions()] == ["events"]

    play(story)


def test_a_secret_is_named_by_its_variable() -> None:
    async def story(town: Town) -> None:
        named = Subscription.Kafka(settings={"sasl.password": "${PASSWORD}", "ssl.key.location": "/etc/key.pem"})
        wanted = Subscription(kafka=named)
        wanted.MergeFrom(ORDERS)
        put = await town.admin.put_subscription(wanted)
        assert put.kafka.settings["sasl.password"] == "${PASSWORD}"

    play(story)


def test_a_change_keeps_when_it_was_defined() -> None:
    async def story(town: Town) -> None:
        first = await town.admin.put_schedule(NIGHTLY)
        paused = Schedule()
        paused.CopyFrom(NIGHTLY)
        paused.paused = True
        paused.created_at_ms = 7
        assert (await town.admin.put_schedule(paused)).created_at_ms == first.created_at_ms
        (listed,) = await town.admin.schedules()
        assert listed.paused
        await town.admin.remove_schedule("nightly")
        assert await town.admin.schedules() == []

    play(story)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Subscription(name="a b"), "'a b' is no name for a subscription"),
        (
            Subscription(handler="trial.v1.Trial/Third"),
            "handler 'trial.v1.Trial/Third' is not served",
        ),
        (Subscription(kafka=Subscription.Kafka(start="now")), "start is 'now'; use earliest or latest"),
        (
            Subscription(nats=Subscription.Nats(stream="X")),
            "nats.servers is empty; write it, such as nats://localhost:4222",
        ),
        (
            Subscription(kafka=Subscription.Kafka(settings={"sasl.password": "hunter2"})),
            "kafka.settings sasl.password is a secret; name an environment variable of the nodes",
        ),
        (
            Subscription(nats=Subscription.Nats(servers="nats://a,nats://ada:hunter2@b", stream="X")),
            "nats.servers has a login, which is a secret; name an environment variable of the nodes",
        ),
        (Subscription(skip={"0": -1}), "skip has -1 for partition '0'; write the position of a message"),
        (Subscription.FromString(b"\x28\x09"), "mapping is 9; use PROTOBUF or JSON"),
    ],
)
def test_a_subscription_that_is_none_is_refused(change: Subscription, says: str) -> None:
    async def story(town: Town) -> None:
        wrong = Subscription()
        wrong.CopyFrom(ORDERS)
        wrong.MergeFrom(change)
        with pytest.raises(AdminRefused) as refused:
            await town.admin.put_subscription(wrong)
        assert str(refused.value).startswith(says)
        assert "hunter2" not in str(refused.value)
        assert await town.admin.subscriptions() == []

    play(story)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (Schedule(name="-"), "'-' is no name for a schedule"),
        (Schedule(interval_ms=10), "interval_ms is 10; the shortest is 1000"),
        (Schedule(cron=" "), "cron is empty; write five fields"),
        (Schedule(time_zone="Europe/Wien"), "time_zone 'Europe/Wien' is no IANA name"),
        (Schedule(time_zone="../etc/passwd"), "time_zone '../etc/passwd' is no IANA name"),
        (Schedule(jitter_ms=-1), "jitter_ms is -1; write milliseconds, 0 or more"),
        (Schedule.FromString(b"\x40\x07"), "catch_up is 7; use LATEST, ALL or SKIP"),
        (Schedule(request="{"), "request: it is no JSON"),
        (Schedule(request='{"txt": ""}'), "request: it is no trial.v1.Text"),
        (Schedule(handler="trial.v1.Counter/Add", request="{}"), "request: trial.v1.AddRequest.counter is empty"),
    ],
)
def test_a_schedule_that_is_none_is_refused(change: Schedule, says: str) -> None:
    async def story(town: Town) -> None:
        wrong = Schedule()
        wrong.CopyFrom(NIGHTLY)
        wrong.MergeFrom(change)
        with pytest.raises(AdminRefused) as refused:
            await town.admin.put_schedule(wrong)
        assert str(refused.value).startswith(says)

    play(story)


def test_what_has_neither_source_nor_times_is_refused() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match="has no source; set kafka or nats"):
            await town.admin.put_subscription(Subscription(name="x", handler=ORDERS.handler))
        with pytest.raises(AdminRefused, match="has no times; set cron or interval_ms"):
            await town.admin.put_schedule(Schedule(name="x", handler=ORDERS.handler))

    play(story)


def test_what_is_not_defined_is_not_removed() -> None:
    async def story(town: Town) -> None:
        await town.admin.put_schedule(NIGHTLY)
        with pytest.raises(AdminRefused, match="there is no schedule 'daily'; there is nightly"):
            await town.admin.remove_schedule("daily")
        with pytest.raises(AdminRefused, match="there is no subscription 'daily'; there is none"):
            await town.admin.remove_subscription("daily")

    play(story)
