"""Subscriptions and schedules: what calls handlers by itself, as operators define it."""

import re
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from google.protobuf.message import Message
from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import definitions_pb2 as wire

from perdure_runtime.admin.port import SCHEDULE, SUBSCRIPTION, Administration, Sources
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.contracts.shapes import NotRead, Shape
from perdure_runtime.ingress.refusal import Refusal

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# Settings of librdkafka that hold one.
SECRET = re.compile(r"password|secret|key\.pem")
STARTS = ("", "earliest", "latest")
SHORTEST_INTERVAL_MS = 1_000


class Definitions:
    """The rpcs about subscriptions and schedules."""

    def __init__(self, node: Administration, sources: Sources) -> None:
        self._node = node
        self._sources = sources

    @rpc
    async def put_subscription(self, request: wire.PutSubscriptionRequest) -> wire.Subscription:
        """Defines a subscription, or changes the one with its name."""
        wanted = wire.Subscription()
        wanted.CopyFrom(request.subscription)
        _check_name(wanted.name, "subscription")
        self._handler(wanted.handler)
        _check_source(wanted)
        if wanted.mapping not in wire.Subscription.Mapping.values():
            raise _wrong(f"mapping is {wanted.mapping}; use PROTOBUF or JSON")
        wanted.ClearField("progress")
        await self._keep(SUBSCRIPTION, wanted)
        return self._subscription(wanted)

    @rpc
    async def list_subscriptions(self, request: wire.ListSubscriptionsRequest) -> wire.ListSubscriptionsResponse:
        """Lists all subscriptions by name, each with how far it has come."""
        found = sorted((await self._node.definitions(SUBSCRIPTION)).items())
        shown = [self._subscription(wire.Subscription.FromString(content)) for _, content in found]
        return wire.ListSubscriptionsResponse(subscriptions=shown)

    @rpc
    async def remove_subscription(self, request: wire.RemoveSubscriptionRequest) -> wire.RemoveSubscriptionResponse:
        """Removes a subscription. What it has called goes on."""
        await self._remove(SUBSCRIPTION, request.name)
        return wire.RemoveSubscriptionResponse()

    @rpc
    async def put_schedule(self, request: wire.PutScheduleRequest) -> wire.Schedule:
        """Defines a schedule, or changes the one with its name."""
        wanted = wire.Schedule()
        wanted.CopyFrom(request.schedule)
        _check_name(wanted.name, "schedule")
        if any(each.name == wanted.name for each in self._sources.declared()):
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"schedule {wanted.name} is declared by the contract of its service: change it there, or take another "
                "name",
            )
        handler = self._handler(wanted.handler)
        self._check_times(wanted)
        _check_request(handler, wanted.request)
        for node_sets in ("declared", "next_ms", "last_ms"):
            wanted.ClearField(node_sets)
        await self._keep(SCHEDULE, wanted)
        return self._schedule(wanted)

    @rpc
    async def list_schedules(self, request: wire.ListSchedulesRequest) -> wire.ListSchedulesResponse:
        """Lists all schedules by name, those too that contracts declare."""
        defined = [wire.Schedule.FromString(content) for content in (await self._node.definitions(SCHEDULE)).values()]
        found = sorted((*defined, *self._sources.declared()), key=lambda schedule: schedule.name)
        return wire.ListSchedulesResponse(schedules=[self._schedule(each) for each in found])

    @rpc
    async def remove_schedule(self, request: wire.RemoveScheduleRequest) -> wire.RemoveScheduleResponse:
        """Removes a schedule. What it has called goes on."""
        await self._remove(SCHEDULE, request.name)
        return wire.RemoveScheduleResponse()

    async def _keep(self, kind: str, wanted: wire.Subscription | wire.Schedule) -> None:
        known = (await self._node.definitions(kind)).get(wanted.name)
        wanted.created_at_ms = type(wanted).FromString(known).created_at_ms if known else self._node.now_ms()
        await self._node.define(kind, wanted.name, wanted.SerializeToString(deterministic=True))

    async def _remove(self, kind: str, name: str) -> None:
        known = await self._node.definitions(kind)
        if name not in known:
            raise Refusal(
                Status.NOT_FOUND, f"there is no {kind} {name[:100]!r}; there is {', '.join(sorted(known)) or 'none'}"
            )
        await self._node.define(kind, name, None)

    def _subscription(self, defined: wire.Subscription) -> wire.Subscription:
        progress = self._sources.subscription(defined.name)
        if progress is not None:
            defined.progress.CopyFrom(progress)
        elif defined.paused:
            defined.progress.status = "paused"
        else:
            defined.progress.status, defined.progress.problem = "waiting", "this node reads no topics"
        return defined

    def _schedule(self, defined: wire.Schedule) -> wire.Schedule:
        shown = wire.Schedule()
        shown.CopyFrom(defined)
        shown.next_ms = 0 if defined.paused else self._sources.next_ms(defined)
        shown.last_ms = self._sources.last_ms(defined)
        return shown

    def _handler(self, path: str) -> HandlerFacts:
        handlers = self._node.contracts.handlers
        found = handlers.get(f"/{path.removeprefix('/')}")
        if found is None:
            known = ", ".join(sorted(each.removeprefix("/") for each in handlers)[:20])
            raise _wrong(
                f"handler {path[:100]!r} is not served; write package.Service/Method"
                f"{f', one of {known}' if known else ', after its endpoint is registered'}"
            )
        return found

    def _check_times(self, wanted: wire.Schedule) -> None:
        match wanted.WhichOneof("times"):
            case "cron" if not wanted.cron.strip():
                raise _wrong("cron is empty; write five fields such as '0 6 * * 1', or @hourly, @daily")
            case "interval_ms" if wanted.interval_ms < SHORTEST_INTERVAL_MS:
                raise _wrong(f"interval_ms is {wanted.interval_ms}; the shortest is {SHORTEST_INTERVAL_MS}")
            case None:
                raise _wrong("the schedule has no times; set cron or interval_ms")
        if wanted.time_zone:
            try:
                ZoneInfo(wanted.time_zone)
            except (KeyError, OSError, ValueError) as error:
                raise _wrong(
                    f"time_zone {wanted.time_zone[:50]!r} is no IANA name, such as Europe/Vienna; leave it out for UTC"
                ) from error
        if wanted.jitter_ms < 0:
            raise _wrong(f"jitter_ms is {wanted.jitter_ms}; write milliseconds, 0 or more")
        if wanted.catch_up not in wire.Schedule.CatchUp.values():
            raise _wrong(f"catch_up is {wanted.catch_up}; use LATEST, ALL or SKIP")
        try:
            self._sources.check(wanted)
        except ValueError as error:
            raise _wrong(str(error)) from error


def _check_name(name: str, what: str) -> None:
    if not NAME.fullmatch(name):
        raise _wrong(
            f"{name[:50]!r} is no name for a {what}; use up to 128 letters, digits, '.', '_' and '-', a letter or a "
            "digit first"
        )


def _check_source(wanted: wire.Subscription) -> None:
    for place, text in _secrets(wanted):
        if "${" not in text:
            # What is defined is shown to all who may look.
            raise _wrong(f"{place} is a secret; name an environment variable of the nodes, such as ${{SHOP_PASSWORD}}")
    for partition, position in wanted.skip.items():
        if position < 0:
            raise _wrong(f"skip has {position} for partition {partition[:50]!r}; write the position of a message")
    match wanted.WhichOneof("source"):
        case "kafka":
            _check_set(wanted.kafka, "kafka", brokers="localhost:9092", topic="orders")
            start = wanted.kafka.start
        case "nats":
            _check_set(wanted.nats, "nats", servers="nats://localhost:4222", stream="ORDERS")
            start = wanted.nats.start
        case None:
            raise _wrong("the subscription has no source; set kafka or nats")
    if start not in STARTS:
        raise _wrong(f"start is {start[:50]!r}; use earliest or latest")


def _secrets(wanted: wire.Subscription) -> Iterator[tuple[str, str]]:
    """What nobody but the nodes may read, and where it stands."""
    for name, text in wanted.kafka.settings.items():
        if SECRET.search(name) and not name.endswith(".location"):
            yield f"kafka.settings {name}", text
    for server in wanted.nats.servers.split(","):
        login, at, _ = server.partition("://")[2].rpartition("@")
        if at:
            yield "nats.servers has a login, which", login


def _check_set(message: Message, place: str, **examples: str) -> None:
    for name, example in examples.items():
        if not getattr(message, name):
            raise _wrong(f"{place}.{name} is empty; write it, such as {example}")


def _check_request(handler: HandlerFacts, request: str) -> None:
    shape = Shape(handler.request, handler.descriptors.pool)
    try:
        value = shape.message.FromString(shape.from_json(request or "{}"))
    except NotRead as error:
        raise _wrong(f"request: {error}") from error
    if handler.key_field is not None and not getattr(value, handler.key_field):
        raise _wrong(
            f"request: {shape.name}.{handler.key_field} is empty; it is the key of the {handler.service_kind.value} "
            "that is called"
        )


def _wrong(sentence: str) -> Refusal:
    return Refusal(Status.INVALID_ARGUMENT, sentence)
