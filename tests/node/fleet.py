"""A node and versions of an endpoint, each on a loopback port of its own."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack

import perdure
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from perdure import codec
from perdure.generated import Handlers
from perdure.serve import EndpointServer
from perdure_protos.perdure.admin.v1.deployments_pb2 import Deployment
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import DiscoverResponse
from perdure_runtime.ingress.port import RegistrationRefused, Submission
from perdure_runtime.node.node import Node
from perdure_runtime.partition.policy import DEFAULT, Execution
from perdure_runtime.storage.memory import MemoryStorage
from trial.v1 import AddRequest, CounterContext, CounterHandlers, CounterState, Text, TrialHandlers

from tests.node.looking import look

PATIENCE_S = 30.0
FIRST = Submission("trial.v1.Trial", "First", "", b"")
SECOND = Submission("trial.v1.Trial", "Second", "", b"")

Edit = Callable[[FileDescriptorProto], None]
Body = Callable[[perdure.Context], Awaitable[str]]


class Trials(TrialHandlers):
    """``first`` begins, waits for the signal "go", and says which versions did it; ``second`` is as the test says."""

    def __init__(self, version: str, second: Body | None = None) -> None:
        self.version = version
        self._second = second

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        began = await ctx.run("begin", self.name)
        await ctx.signal("go", Text)
        return Text(text=f"{began} {await ctx.run('end', self.name)}")

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=self.version if self._second is None else await self._second(ctx))

    def name(self) -> str:
        """The version, as a step."""
        return self.version


class Counting(CounterHandlers):
    """Counts, and keeps why."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        value = await ctx.state.value.get() + 1
        ctx.state.value.set(value)
        return CounterState(value=value)


class Version(perdure.Endpoint):
    """An endpoint whose contract is edited before a node gets to know it."""

    def __init__(self, *handlers: Handlers, edit: Edit | None = None) -> None:
        super().__init__(*handlers)
        self._edit = edit

    def discovery(self) -> DiscoverResponse:
        """What it serves, edited."""
        response = super().discovery()
        if self._edit is not None:
            files = FileDescriptorSet.FromString(response.descriptors)
            self._edit(next(file for file in files.file if file.name == "trial/v1/trial.proto"))
            response.descriptors = files.SerializeToString()
        return response


class Fleet:
    """A node with a clock that stands still, and what was started beside it."""

    def __init__(self, started: AsyncExitStack, defaults: Execution) -> None:
        self.now_ms = 1_000
        self._defaults = defaults
        self.storage = MemoryStorage()
        self._numbers: Iterator[int] = itertools.count(100, -1)
        self._started = started
        self.node = self._new_node()

    async def serve(self, endpoint: perdure.Endpoint, port: int = 0) -> EndpointServer:
        """Starts an endpoint."""
        server = EndpointServer(endpoint, "127.0.0.1", port)
        await server.start()
        self._started.push_async_callback(server.close)
        return server

    async def register(self, server: EndpointServer, *, force: bool = False, verify: bool = False) -> Deployment:
        """Registers an endpoint that runs."""
        return await self.node.administration.register([address(server)], force=force, verify=verify)

    async def deploy(self, endpoint: perdure.Endpoint) -> Deployment:
        """Starts an endpoint and registers it."""
        return await self.register(await self.serve(endpoint))

    async def refusal(self, server: EndpointServer, *, verify: bool = False) -> str:
        """Why an endpoint is not registered."""
        try:
            await self.register(server, verify=verify)
        except RegistrationRefused as error:
            return str(error)
        raise AssertionError("it was registered")

    async def call(self, submission: Submission) -> str:
        """The text that a handler of Trial gives."""
        _, outcome = await self.node.router.call(submission)
        return text(outcome)

    async def begin(self) -> str:
        """Sends FIRST and waits until it waits for its signal."""
        invocation_id = await self.node.router.submit(FIRST)
        await self.until(invocation_id, lambda journal: journal[-1].startswith("await signal"))
        return invocation_id

    async def finish(self, invocation_id: str) -> str:
        """Gives an invocation its signal, and returns what it says."""
        await self.node.router.signal(invocation_id, "go", Outcome(value=b""))
        return text((await self.node.router.attach(invocation_id)).outcome)

    async def until(self, invocation_id: str, seen: Callable[[list[str]], bool]) -> None:
        """Waits until the journal of an invocation looks so."""
        while True:
            journal = look(self.node, invocation_id).journal
            if journal and seen(journal):
                return await self.node.loop.flush()
            await asyncio.sleep(0.001)

    async def until_status(self, invocation_id: str, status: str) -> None:
        """Waits until an invocation is in a status."""
        while True:
            if look(self.node, invocation_id).status == status:
                return await self.node.loop.flush()
            await asyncio.sleep(0.001)

    async def statuses(self) -> list[str]:
        """Status and work of all deployments, oldest first."""
        return [f"{each.status} {each.in_flight}" for each in await self.node.administration.deployments()]

    async def restart(self) -> None:
        """The node dies, and another one goes on with what is durable."""
        await self.node.close()
        self.storage = self.storage.reopen()
        self.node = self._new_node()
        await self.node.start()

    def _new_node(self) -> Node:
        return Node(
            self.storage, lambda: self.now_ms, entropy=lambda bits: next(self._numbers), defaults=self._defaults
        )


def play(story: Callable[[Fleet], Coroutine[None, None, None]], defaults: Execution = DEFAULT) -> None:
    """Runs a story with a fleet of its own."""

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as started:
            fleet = Fleet(started, defaults)
            await fleet.node.start()
            try:
                await story(fleet)
            finally:
                await fleet.node.close()

    asyncio.run(run())


def step(name: str) -> Body:
    """A handler with one step."""

    async def body(ctx: perdure.Context) -> str:
        return await ctx.run(name, lambda: "done")

    return body


def address(server: EndpointServer) -> str:
    """Where an endpoint serves."""
    return f"127.0.0.1:{server.port}"


def text(outcome: Outcome) -> str:
    """The text of a result of Trial."""
    assert outcome.HasField("value"), outcome
    return codec.decode(Text, outcome.value).text
