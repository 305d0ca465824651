"""A shop whose node answers the pages from memory: one of everything, with hostile texts in it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import cluster_pb2, definitions_pb2, deployments_pb2, invocations_pb2, state_pb2
from perdure_protos.perdure.admin.v1.payload_pb2 import Payload, TerminalError
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.app import ui_routes
from perdure_runtime.ui.port import Answer, HandlerAnswer, HandlerCall, Login
from starlette.applications import Starlette

NOW_MS = 1_800_000_000_000
HOSTILE = "<script>alert('x')</script>\"'&"
FAILED, RUNNING = "inv_0000failed", "inv_0000running"
SCHEMA = """{"$ref": "#/$defs/Order", "$defs": {
"Order": {"type": "object", "title": "Order", "properties": {
  "id": {"type": "string"}, "count": {"type": "integer"}, "cents": {"type": ["string", "integer"], "format": "int64"},
  "weight": {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]},
  "gift": {"type": "boolean"}, "size": {"$ref": "#/$defs/Size"}, "to": {"$ref": "#/$defs/Address"},
  "items": {"type": "array", "items": {"$ref": "#/$defs/Item"}}, 
  "tags": {"type": "array", "items": {"type": "string"}},
  "labels": {"type": "object", "additionalProperties": {"type": "string"}}}},
"Size": {"enum": ["SMALL", "LARGE"], "title": "Size"},
"Address": {"type": "object", "title": "Address", "properties": {"street": {"type": "string"}}},
"Item": {"type": "object", "title": "Item", "properties": {
  "sku": {"type": "string"}, "count": {"type": "integer"}}}}}"""


def payload(json: str, type: str = "shop.v1.Order") -> Payload:
    """A payload that could be decoded."""
    return Payload(json=json, type=type, size=len(json))


def invocation(id: str, **facts: Any) -> invocations_pb2.Invocation:
    """An invocation of the shop."""
    made = invocations_pb2.Invocation(
        id=id,
        service="shop.v1.OrderService",
        handler="Process",
        status="running",
        created_at_ms=NOW_MS - 90_000,
        attempt=1,
    )
    made.MergeFrom(invocations_pb2.Invocation(**facts))
    return made


def failed() -> invocations_pb2.Invocation:
    """One that has ended badly, with all that it has."""
    return invocation(
        FAILED,
        status="ended",
        ended_at_ms=NOW_MS - 30_000,
        key="alice",
        error=TerminalError(code=9, name="FAILED_PRECONDITION", message=f"no funds {HOSTILE}"),
        input=payload(f'{{"id": "{"o-1"}", "note": "<b>bold</b>"}}'),
        headers={"x-tenant": HOSTILE},
        advice="It has ended with an error.",
        caller_id=RUNNING,
        deployment_id="dep_1",
    )


def journal() -> invocations_pb2.GetJournalResponse:
    """A step that failed twice, a call, and a sleep that goes on."""
    begun = NOW_MS - 90_000
    step = invocations_pb2.JournalEntry(
        index=0,
        kind="run",
        command=0,
        name="charge",
        summary=f"run charge {HOSTILE}",
        began_at_ms=begun,
        completed_at_ms=begun + 2_000,
        failures=2,
        last_error="timeout",
        output=payload('{"ok": true}', ""),
    )
    done = invocations_pb2.JournalEntry(index=1, kind="completion", command=0, notification=True, summary="MERGED")
    call = invocations_pb2.JournalEntry(
        index=2, kind="call", command=1, summary="call shop.v1.Mail/Send", invocation_id=RUNNING, began_at_ms=begun
    )
    return invocations_pb2.GetJournalResponse(entries=[step, done, call], length=3)


def service() -> deployments_pb2.Service:
    """The service of orders."""
    handler = deployments_pb2.Handler(
        name="Process",
        kind="exclusive",
        public=True,
        request="shop.v1.Order",
        response="shop.v1.Receipt",
        key_field="id",
        idempotency_retention_ms=86_400_000,
        journal_retention_ms=3_600_000,
        request_schema=SCHEMA,
        request_example='{"id": "example"}',
        retry=deployments_pb2.RetryPolicy(initial_interval_ms=100, factor=2, max_interval_ms=60_000, max_attempts=5),
    )
    return deployments_pb2.Service(
        name="shop.v1.OrderService",
        kind="virtual object",
        public=True,
        deployment_id="dep_1",
        handlers=[handler],
        state="shop.v1.OrderState",
        comment=f"Takes orders {HOSTILE}",
    )


def state(version: str = "v1", total: str = "7") -> state_pb2.State:
    """The state of a key, somebody on it, and a promise."""
    return state_pb2.State(
        service="shop.v1.OrderService",
        key="alice",
        version=version,
        holder=RUNNING,
        inbox=["inv_0000waiting"],
        inbox_length=1,
        values=[state_pb2.State.Value(name="total", value=payload(total)), note()],
        promises=[state_pb2.Promise(name="verified", status="waiting", waiting=[RUNNING])],
    )


def note() -> state_pb2.State.Value:
    """A field with a text that would like to be markup."""
    return state_pb2.State.Value(name="note", value=payload('"</pre><script>alert(1)</script>"'))


def overview() -> cluster_pb2.Overview:
    """Some of everything, and two minutes of samples."""
    tallies = [("running", 3), ("paused", 2), ("failed", 1_234)]
    samples = [
        cluster_pb2.Sample(at_ms=NOW_MS - 5_000 * n, accepted=50 + n, succeeded=45, failed=1, p50_ms=12, p99_ms=80 + n)
        for n in reversed(range(24))
    ]
    return cluster_pb2.Overview(
        tallies=[
            cluster_pb2.Tally(service="shop.v1.OrderService", handler="Process", status=status, count=count)
            for status, count in tallies
        ],
        samples=samples,
        sample_ms=5_000,
        counted_at_ms=NOW_MS - 1_000,
    )


def answers() -> dict[str, Message]:
    """What the node answers, by rpc."""
    tree = invocations_pb2.CallTree(
        invocation=failed(), calls=[invocations_pb2.CallTree(invocation=invocation("inv_0000child", handler="Mail"))]
    )
    kafka = definitions_pb2.Subscription.Kafka(brokers="kafka:9092", topic="orders", start="earliest")
    progress = definitions_pb2.Subscription.Progress(status="stuck", problem="offset 7 is none", offsets={"0": 41})
    return {
        "GetOverview": overview(),
        "ListInvocations": invocations_pb2.ListInvocationsResponse(
            invocations=[failed(), invocation(RUNNING)], next_page_token="more"
        ),
        "CountInvocations": invocations_pb2.CountInvocationsResponse(count=1_234),
        "GetInvocation": failed(),
        "GetJournal": journal(),
        "GetCallTree": invocations_pb2.GetCallTreeResponse(root=tree),
        "RestartInvocation": invocations_pb2.RestartInvocationResponse(invocation_id="inv_0000new"),
        "ActOnInvocations": invocations_pb2.ActOnInvocationsResponse(done=500, next_page_token="second"),
        "ListServices": deployments_pb2.ListServicesResponse(services=[service()]),
        "GetService": service(),
        "UpdateService": service(),
        "ListKeys": state_pb2.ListKeysResponse(keys=["alice", f"b/{HOSTILE}"], next_page_token="more"),
        "GetState": state(),
        "EditState": state("v2"),
        "ListAwakeables": state_pb2.ListAwakeablesResponse(
            awakeables=[
                state_pb2.Awakeable(id="awk_1", invocation_id=RUNNING, handler="shop.v1.Mail/Send", type="shop.v1.Mail")
            ]
        ),
        "ListDeployments": deployments_pb2.ListDeploymentsResponse(
            deployments=[
                deployments_pb2.Deployment(
                    id="dep_1",
                    addresses=["127.0.0.1:9000"],
                    services=["shop.v1.OrderService"],
                    status="active",
                    in_flight=3,
                    change_class="breaks callers",
                    changes=[f"field 3 {HOSTILE} was removed"],
                )
            ]
        ),
        "RegisterDeployment": deployments_pb2.Deployment(id="dep_2", services=["shop.v1.OrderService"]),
        "VerifyDeployment": deployments_pb2.VerifyDeploymentResponse(
            replayed=7,
            divergences=[
                deployments_pb2.Divergence(invocation_id=FAILED, handler="shop.v1.X/Y", message="entry 2 is a sleep")
            ],
        ),
        "ListSubscriptions": definitions_pb2.ListSubscriptionsResponse(
            subscriptions=[
                definitions_pb2.Subscription(name="orders", kafka=kafka, handler="shop.v1.X/Y", progress=progress)
            ]
        ),
        "ListSchedules": definitions_pb2.ListSchedulesResponse(
            schedules=[
                definitions_pb2.Schedule(
                    name="nightly", cron="0 3 * * *", handler="shop.v1.X/Y", next_ms=NOW_MS + 3_600_000
                )
            ]
        ),
        "GetCluster": cluster_pb2.Cluster(
            nodes=[cluster_pb2.Node(id="n1", address="10.0.0.1:7000", status="alive", partitions=2)],
            partitions=[cluster_pb2.Partition(partition=0, owner="n1", epoch=3)],
            storage="sqlite data/",
            version="0.1.0",
        ),
        "Query": cluster_pb2.QueryResponse(
            columns=["id", "n"], rows=[f'["{FAILED}", 3]', '[null, "<i>x</i>"]'], truncated=True
        ),
    }


@dataclass(slots=True)
class Shop:
    """Implements ``AdminApi`` and ``Caller``; what it was asked is in ``asked``.

    ``refusals`` by rpc are raised in place of an answer, and ``answered`` by rpc are called for one.
    """

    asked: list[tuple[str, Message]] = field(default_factory=list)
    called: list[HandlerCall] = field(default_factory=list)
    answers: dict[str, Message] = field(default_factory=answers)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    answered: dict[str, Callable[[Any], Message]] = field(default_factory=dict)

    async def ask(self, method: str, request: Message, answer_type: type[Answer]) -> Answer:
        """Answers as it was told to; an rpc that answers nothing is answered with nothing."""
        self.asked.append((method, request))
        if method in self.refusals:
            raise self.refusals[method]
        answer = self.answered[method](request) if method in self.answered else self.answers.get(method, answer_type())
        assert isinstance(answer, answer_type)
        return answer

    async def call(self, call: HandlerCall) -> HandlerAnswer:
        """Answers every call with the same."""
        self.called.append(call)
        if "call" in self.refusals:
            raise self.refusals["call"]
        return HandlerAnswer("inv_0000called", "" if call.one_way else '{"total": "<7>"}')

    def request(self, method: str) -> Any:
        """What an rpc was asked the last time."""
        return next(request for each, request in reversed(self.asked) if each == method)

    def app(self, login: Login | None = None) -> Starlette:
        """The pages in front of it."""
        return Starlette(routes=ui_routes(self, self, now_ms=lambda: NOW_MS, login=login))


def refused(sentence: str, code: Status = Status.FAILED_PRECONDITION) -> Refusal:
    """What the node says against something."""
    return Refusal(code, sentence)
