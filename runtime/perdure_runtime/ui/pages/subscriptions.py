"""Subscriptions: topics whose messages call handlers, and how far each has come."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.definitions_pb2 import (
    ListSubscriptionsRequest,
    ListSubscriptionsResponse,
    PutSubscriptionRequest,
    RemoveSubscriptionRequest,
    RemoveSubscriptionResponse,
    Subscription,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.pages.named import check_found, read_pairs
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown

FIELDS = {
    "name": "",
    "source": "kafka",
    "servers": "",
    "topic": "",
    "subject": "",
    "start": "earliest",
    "settings": "",
    "handler": "",
    "mapping": "PROTOBUF",
}


def routes(site: Site) -> Iterable[Route]:
    """The list with the form of a new one, and what is done to one."""
    yield shown(site, "/subscriptions", show)
    yield done(site, "/subscriptions", create)
    yield done(site, "/subscriptions/pause", pause)
    yield shown(site, "/subscriptions/remove", ask_remove)
    yield done(site, "/subscriptions/remove", remove)


async def show(visit: Visit) -> Response:
    """Shows all subscriptions."""
    return await _page(visit, Form(FIELDS.items()))


async def create(visit: Visit) -> Response:
    """Defines one."""
    form = await visit.form()
    try:
        wanted = read_subscription(form)
        await visit.ask("PutSubscription", PutSubscriptionRequest(subscription=wanted), Subscription)
    except Refusal as refusal:
        return await _page(visit, Form([*FIELDS.items(), *form]), refusal.message)
    return visit.go(link("subscriptions"), f"The subscription {wanted.name} reads from now on.")


async def pause(visit: Visit) -> Response:
    """Pauses one, or sets it going again."""
    form = await visit.form()
    found = await visit.ask("ListSubscriptions", ListSubscriptionsRequest(), ListSubscriptionsResponse)
    wanted = check_found(form.text("name"), {each.name: each for each in found.subscriptions})
    wanted.paused = not wanted.paused
    try:
        await visit.ask("PutSubscription", PutSubscriptionRequest(subscription=wanted), Subscription)
    except Refusal as refusal:
        return visit.go(link("subscriptions"), problem=refusal.message)
    return visit.go(link("subscriptions"), f"{wanted.name} {'is paused' if wanted.paused else 'reads again'}.")


async def ask_remove(visit: Visit) -> Response:
    """Asks whether it is meant."""
    return visit.page(
        "remove_named.html",
        title="Remove the subscription?",
        name=visit.query.text("name"),
        what="subscription",
        effect="Nothing reads its topic any more. What it has brought goes on.",
        do=link("subscriptions", "remove"),
        back=link("subscriptions"),
    )


async def remove(visit: Visit) -> Response:
    """Removes one."""
    name = (await visit.form()).text("name")
    try:
        await visit.ask("RemoveSubscription", RemoveSubscriptionRequest(name=name), RemoveSubscriptionResponse)
    except Refusal as refusal:
        return visit.go(link("subscriptions"), problem=refusal.message)
    return visit.go(link("subscriptions"), f"Removed {name}.")


async def _page(visit: Visit, form: Form, problem: str = "") -> Response:
    found = await visit.ask("ListSubscriptions", ListSubscriptionsRequest(), ListSubscriptionsResponse)
    return visit.page(
        "subscriptions.html",
        http_status=400 if problem else 200,
        problem=problem,
        title="Subscriptions",
        subscriptions=found.subscriptions,
        values={name: form.text(name) for name in FIELDS},
        may_edit=visit.may("PutSubscription"),
    )


def read_subscription(form: Form) -> Subscription:
    """The subscription in a form. Raises Refusal."""
    wanted = Subscription(
        name=form.line("name"),
        handler=form.line("handler"),
        mapping=Subscription.JSON if form.text("mapping") == "JSON" else Subscription.PROTOBUF,
    )
    servers, topic, start = form.line("servers"), form.line("topic"), form.text("start")
    if form.text("source") == "nats":
        wanted.nats.CopyFrom(
            Subscription.Nats(servers=servers, stream=topic, subject=form.line("subject"), start=start)
        )
    else:
        settings = read_pairs("settings", form.text("settings"))
        wanted.kafka.CopyFrom(Subscription.Kafka(brokers=servers, topic=topic, start=start, settings=settings))
    return wanted
