"""A node on SQLite with an endpoint of its own, and its admin API over a socket, asked by gRPC and by JSON."""

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import betterproto
import betterproto.lib.google.protobuf as betterproto_google
import perdure
from google.protobuf import json_format
from google.protobuf.message import Message
from perdure import StatusCode, TerminalError, codec
from perdure.serve import EndpointServer
from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation
from perdure_runtime.admin.client import AdminClient
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.port import Submission
from perdure_runtime.node.node import Node
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.storage.sqlite import SqliteStorage
from trial.v1 import (
    AddRequest,
    AnswerRequest,
    CounterContext,
    CounterHandlers,
    CounterState,
    QuestContext,
    QuestHandlers,
    QuestRequest,
    QuestSharedContext,
    Text,
    TrialClient,
    TrialHandlers,
)

PATIENCE_S = 20.0
TRIAL, COUNTER, QUEST = "trial.v1.Trial", "trial.v1.Counter", "trial.v1.Quest"


class Trials(TrialHandlers):
    """``first`` does what its request says; ``second`` gives it back. What is ``broken`` is so until it is mended."""

    def __init__(self) -> None:
        self.broken = True

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        match request.text:
            case "fails":
                raise TerminalError("no such order", code=StatusCode.NOT_FOUND, details=[Text(text="o-1")])
            case "breaks" if self.broken:
                raise RuntimeError("the bank is closed")
            case "calls":
                await ctx.run("charge", lambda: {"paid": 3})
                answered = await TrialClient(ctx).second(Text(text="deeper"))
                return Text(text=f"called {answered.text}")
            case "waits":
                return await ctx.awakeable(Text)
            case "sleeps":
                await ctx.sleep(timedelta(days=1))
        return Text(text=f"did {request.text}")

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return request


class Counting(CounterHandlers):
    """Counts; waits on the way for whoever says so as the reason."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        ctx.state.last_reason.set(request.reason)
        if request.reason == "waits":
            await ctx.awakeable(Text)
        return CounterState(value=value, last_reason=request.reason)


class Questing(QuestHandlers):
    """Ends with its answer."""

    async def run(self, ctx: QuestContext, request: QuestRequest) -> Text:
        return await ctx.promises.answer.value()

    async def answer(self, ctx: QuestSharedContext, request: AnswerRequest) -> betterproto_google.Empty:
        return betterproto_google.Empty()


class Town:
    """The node, its admin API, and clients of it.

    Attributes:
        trials: Its handlers that can be mended.
        admin: Asks by gRPC; ``json`` asks by JSON.
    """

    def __init__(
        self, node: Node, storage: SqliteStorage, service: AdminService, server: AdminServer, trials: Trials
    ) -> None:
        self.node = node
        self.storage = storage
        self.service = service
        self.server = server
        self.trials = trials
        self.admin = AdminClient("127.0.0.1", server.port)

    async def call(self, service: str, handler: str, request: betterproto.Message, key: str = "") -> str:
        """Begins an invocation, and returns its id."""
        return await self.node.router.submit(Submission(service, handler, key, codec.encode(request)))

    async def first(self, text: str) -> str:
        """Begins Trial/First."""
        return await self.call(TRIAL, "First", Text(text=text))

    async def add(self, key: str, reason: str = "") -> str:
        """Begins Counter/Add."""
        return await self.call(COUNTER, "Add", AddRequest(counter=key, reason=reason), key)

    async def ended(self, invocation_id: str) -> str:
        """Waits until an invocation has ended, and returns its id."""
        await self.node.router.attach(invocation_id)
        return invocation_id

    async def until(self, invocation_id: str, status: str) -> Invocation:
        """Waits until an invocation has a status, as its row says."""
        while True:
            shown = await self.admin.invocation(invocation_id)
            if shown.status == status:
                return shown
            await asyncio.sleep(0.002)

    async def json(self, method: str, request: Message | str) -> tuple[int, Any]:
        """Asks by JSON: the status of HTTP, and the answer."""
        body = (
            request
            if isinstance(request, str)
            else json_format.MessageToJson(request, preserving_proto_field_name=True)
        )
        status, answer = await self.http("POST", f"/perdure.admin.v1.AdminService/{method}", body)
        return status, json.loads(answer)

    async def http(self, method: str, path: str, body: str = "", content_type: str = "application/json") -> Any:
        """One request of HTTP/1.1: its status and the answer's body."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        sent = body.encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: {content_type}\r\nconnection: close\r\n"
        writer.write(f"{head}content-length: {len(sent)}\r\n\r\n".encode() + sent)
        answer = await reader.read()
        writer.close()
        header, _, rest = answer.partition(b"\r\n\r\n")
        return int(header.split()[1]), rest


def play(story: Callable[[Town], Coroutine[None, None, None]]) -> None:
    """Runs a story in a town of its own."""

    async def run(path: Path) -> None:
        async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as started:
            trials = Trials()
            endpoint = EndpointServer(perdure.Endpoint(trials, Counting(), Questing()), "127.0.0.1", 0)
            await endpoint.start()
            started.push_async_callback(endpoint.close)
            retry = RetryPolicy(initial_ms=1, max_interval_ms=1, max_attempts=2)
            storage = SqliteStorage(path / "data.db")
            node = Node(storage, defaults=Execution(retry=retry))
            await node.start()
            started.push_async_callback(node.close)
            await node.administration.register([f"127.0.0.1:{endpoint.port}"], force=False, verify=False)
            service = AdminService(node.administration, storage=str(path / "data.db"))
            server = AdminServer(service, "127.0.0.1", 0)
            await server.start()
            started.push_async_callback(server.close, 0)
            await story(Town(node, storage, service, server, trials))

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
