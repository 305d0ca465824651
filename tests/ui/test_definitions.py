"""Subscriptions, schedules and SQL: their forms, and what they say."""

import asyncio

from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule, Subscription

from tests.ui.shop import Shop, refused
from tests.ui.test_forms import post
from tests.ui.visitor import Visitor

KAFKA = {
    "name": "orders",
    "handler": "shop.v1.OrderService/Process",
    "source": "kafka",
    "servers": "kafka:9092",
    "topic": "orders",
    "start": "latest",
    "mapping": "JSON",
    "settings": "security.protocol = SSL\n\nssl.ca.location=/ca.pem",
}


def test_a_kafka_subscription_is_created() -> None:
    shop = Shop()

    page = post(shop, "/ui/subscriptions", KAFKA)

    wanted = shop.request("PutSubscription").subscription
    assert (wanted.name, wanted.handler, wanted.mapping) == ("orders", KAFKA["handler"], Subscription.JSON)
    assert (wanted.kafka.brokers, wanted.kafka.topic, wanted.kafka.start) == ("kafka:9092", "orders", "latest")
    assert dict(wanted.kafka.settings) == {"security.protocol": "SSL", "ssl.ca.location": "/ca.pem"}
    assert "reads from now on" in page.words


def test_a_nats_subscription_is_created() -> None:
    shop = Shop()

    post(shop, "/ui/subscriptions", {**KAFKA, "source": "nats", "subject": "orders.>"})

    nats = shop.request("PutSubscription").subscription.nats
    assert (nats.servers, nats.stream, nats.subject) == ("kafka:9092", "orders", "orders.>")


def test_settings_that_are_no_pairs_stay_to_be_put_right() -> None:
    shop = Shop()

    page = post(shop, "/ui/subscriptions", {**KAFKA, "settings": "security.protocol"})

    assert "settings has the line 'security.protocol'; write name=value in each line" in page.words
    assert 'value="kafka:9092"' in page.html
    assert "PutSubscription" not in [method for method, _ in shop.asked]


def test_a_subscription_is_paused_as_it_is_now() -> None:
    shop = Shop()

    page = post(shop, "/ui/subscriptions/pause", {"name": "orders"})

    wanted = shop.request("PutSubscription").subscription
    assert (wanted.paused, wanted.kafka.topic) == (True, "orders")
    assert "orders is paused" in page.words


def test_a_subscription_that_is_gone_is_not_made_again_by_pausing_it() -> None:
    shop = Shop()

    page = post(shop, "/ui/subscriptions/pause", {"name": "gone"})

    assert page.status == 404
    assert "PutSubscription" not in [method for method, _ in shop.asked]


def test_definitions_are_removed_by_name() -> None:
    shop = Shop()

    post(shop, "/ui/subscriptions/remove", {"name": "orders"})
    post(shop, "/ui/schedules/remove", {"name": "nightly"})

    assert shop.request("RemoveSubscription").name == "orders"
    assert shop.request("RemoveSchedule").name == "nightly"


def test_a_schedule_is_created_by_cron_or_interval() -> None:
    shop = Shop()
    common = {"name": "n", "handler": "a.B/C", "request": '{"a": 1}', "catch_up": "ALL"}

    post(shop, "/ui/schedules", {**common, "cron": "0 3 * * *", "time_zone": "Europe/Berlin", "jitter": "30 s"})
    cron = shop.request("PutSchedule").schedule
    post(shop, "/ui/schedules", {**common, "interval": "15 min"})
    interval = shop.request("PutSchedule").schedule

    assert (cron.cron, cron.time_zone, cron.jitter_ms, cron.catch_up) == (
        "0 3 * * *",
        "Europe/Berlin",
        30_000,
        Schedule.ALL,
    )
    assert (interval.WhichOneof("times"), interval.interval_ms) == ("interval_ms", 900_000)


def test_a_schedule_that_the_node_refuses_stays_to_be_put_right() -> None:
    shop = Shop(refusals={"PutSchedule": refused("'x' is no cron expression")})

    page = post(shop, "/ui/schedules", {"name": "n", "cron": "x"})

    assert "'x' is no cron expression" in page.words
    assert 'value="x"' in page.html


def test_a_schedule_is_paused() -> None:
    shop = Shop()

    post(shop, "/ui/schedules/pause", {"name": "nightly"})

    assert shop.request("PutSchedule").schedule.paused


def test_a_query_is_answered_as_a_table() -> None:
    shop = Shop()

    page = post(shop, "/ui/sql", {"sql": "select 1"})

    assert shop.request("Query").sql == "select 1"
    assert "null" in page.words
    assert "<i>x</i>" in page.words
    assert "more than these 500 are not shown" in page.words
    assert 'href="/ui/invocations/inv_0000failed"' in page.html


def test_a_query_that_is_wrong_stays_with_what_is_wrong() -> None:
    shop = Shop(refusals={"Query": refused("no such column: nmae")})

    page = post(shop, "/ui/sql", {"sql": "select nmae from invocation"})

    assert page.status == 400
    assert "no such column: nmae" in page.words
    assert "select nmae from invocation" in page.words


def test_a_link_fills_a_query_in_and_runs_nothing() -> None:
    shop = Shop()

    page = asyncio.run(Visitor(shop.app()).get("/ui/sql?sql=select+2"))

    assert "select 2" in page.words
    assert shop.asked == []
