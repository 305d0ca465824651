"""An ingress on a free port in front of a node that is only a dictionary."""

import asyncio
import functools
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.message import Message
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.port import AlreadyExists, EndedInvocation, InvocationName, Submission
from perdure_runtime.ingress.server import Ingress

from tests.contracts.compiling import compile_protos, contract
from tests.ingress.told import Told, id_of

PROCESS = "/shop.v1.Orders/Process"
PRIVATE = "/shop.v1.Orders/Recount"
HIDDEN = "/shop.v1.Books/Close"
BALANCE = "/shop.v1.Account/Balance"
RUN = "/shop.v1.Signup/Run"

BODY = """
message Keyed { string account = 1 [(perdure.v1.field) = { key: true }]; }
service Orders {
  rpc Process(Order) returns (Receipt);
  rpc Recount(Order) returns (Receipt) { option (perdure.v1.method) = { visibility: PRIVATE }; }
}
service Books {
  option (perdure.v1.service) = { visibility: PRIVATE };
  rpc Close(Order) returns (Receipt);
}
service Account {
  option (perdure.v1.service) = { kind: VIRTUAL_OBJECT };
  rpc Balance(Keyed) returns (Receipt);
}
service Signup {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Keyed) returns (Receipt);
  rpc Verify(Keyed) returns (Receipt);
}
service Quiet {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Keyed) returns (Receipt) { option (perdure.v1.method) = { visibility: PRIVATE }; }
  rpc Ask(Keyed) returns (Receipt);
}
service Secret {
  option (perdure.v1.service) = { kind: WORKFLOW, visibility: PRIVATE };
  rpc Run(Keyed) returns (Receipt);
}
"""
SERVICES = tuple(f"shop.v1.{name}" for name in ("Orders", "Books", "Account", "Signup", "Quiet", "Secret"))
LATER = "service Later { rpc Go(Order) returns (Receipt); }"


@functools.cache
def shop(later: bool = False) -> Contracts:
    """The contracts of the shop; ``later`` adds one more service, as a deployment of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if later:
            newer = Contracts.described(compile_protos(Path(folder), contract(LATER)), ["shop.v1.Later"])
            return shop().merged(newer)
        return Contracts.described(compile_protos(Path(folder), contract(BODY)), SERVICES)


def order(id: str, *items: str) -> Message:
    """A request of Orders/Process."""
    return shop().handlers[PROCESS].request(id=id, items=items)


def receipt(id: str) -> Message:
    """A response of every handler."""
    return shop().handlers[PROCESS].response(id=id)


def given(message: Message) -> Outcome:
    """The outcome of a handler that has returned."""
    return Outcome(value=message.SerializeToString())


def failed(code: int, message: str, *details: Message) -> Outcome:
    """The outcome of a handler that has raised."""
    failure = Failure(code=code, message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        failure.details.append(packed.SerializeToString())
    return Outcome(failure=failure)


def text(value: str) -> Message:
    """A detail that every protobuf library knows."""
    return wrappers_pb2.StringValue(value=value)


class FakeInvocations(Told):
    """A node: invocations end at once with what ``handle`` says; where it says None, when the test ends them.

    Attributes:
        submissions: What was submitted, in order; the n-th is invocation ``inv_n``, counted from 1.
        waiting: How many callers wait for the end of an invocation now.
    """

    def __init__(self) -> None:
        super().__init__()
        self.contracts = shop()
        self.submissions: list[Submission] = []
        self.handle: Callable[[Submission], Outcome | Exception | None] = echo
        self.accept: Callable[[Submission], Exception | None] = lambda submission: None
        self.waiting = 0
        self._outcomes: dict[str, Outcome | Exception] = {}
        self._news = asyncio.Condition()
        self._changed = asyncio.Event()

    async def submit(self, submission: Submission) -> str:
        """Accepts what ``accept`` has nothing against."""
        refused = self.accept(submission)
        if refused is not None:
            raise refused
        if submission.must_be_new and submission.key in {other.key for other in self.submissions}:
            raise AlreadyExists("inv_1")
        self.submissions.append(submission)
        invocation_id = f"inv_{len(self.submissions)}"
        outcome = self.handle(submission)
        if outcome is not None:
            self._outcomes[invocation_id] = outcome
        return invocation_id

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Accepts and waits."""
        invocation_id = await self.submit(submission)
        return invocation_id, (await self.attach(invocation_id)).outcome

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits."""
        invocation_id = id_of(name, self._numbered())
        async with self._news:
            self.waiting += 1
            self._news.notify_all()
            try:
                await self._news.wait_for(lambda: invocation_id in self._outcomes)
            finally:
                self.waiting -= 1
                self._news.notify_all()
        ended = await self.output(invocation_id)
        assert ended is not None
        return ended

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """Looks."""
        invocation_id = id_of(name, self._numbered())
        submission = self._numbered()[invocation_id]
        outcome = self._outcomes.get(invocation_id)
        if outcome is None:
            return None
        if isinstance(outcome, Exception):
            raise outcome
        return EndedInvocation(invocation_id, submission.service, submission.handler, outcome)

    def submission_of(self, name: InvocationName) -> Submission:
        """What became an invocation."""
        return self._numbered()[id_of(name, self._numbered())]

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the test registers something."""
        while self.contracts is known:
            self._changed.clear()
            await self._changed.wait()

    # What tests do.

    def register(self, contracts: Contracts) -> None:
        """A new deployment has come."""
        self.contracts = contracts
        self._changed.set()

    async def end(self, invocation_id: str, outcome: Outcome | Exception) -> None:
        """An invocation ends."""
        async with self._news:
            self._outcomes[invocation_id] = outcome
            self._news.notify_all()

    async def until_waiting(self, count: int) -> None:
        """Returns when so many callers wait."""
        async with self._news:
            await self._news.wait_for(lambda: self.waiting == count)

    async def until_submitted(self, count: int) -> None:
        """Returns when so many calls have come and the last is waited for."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.submissions) >= count and self.waiting > 0)

    def _numbered(self) -> dict[str, Submission]:
        return {f"inv_{number}": submission for number, submission in enumerate(self.submissions, 1)}


def echo(submission: Submission) -> Outcome:
    """A receipt with the id of the order, or the key."""
    if submission.key:
        return given(receipt(submission.key))
    return Outcome(value=submission.input)


def hold(submission: Submission) -> None:
    """The invocation runs until the test ends it."""


class Room:
    """The ingress and its node."""

    def __init__(self, invocations: FakeInvocations, ingress: Ingress) -> None:
        self.invocations = invocations
        self.ingress = ingress
        self.port = ingress.port

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    async def until_one_is_gone(self) -> None:
        """Returns when a connection is gone, also one whose caller does not notice."""
        await self.ingress._listener._gone.wait()


@asynccontextmanager
async def open_room(limits: Limits | None = None) -> AsyncIterator[Room]:
    """A started ingress, closed afterwards."""
    invocations = FakeInvocations()
    ingress = Ingress(invocations, "127.0.0.1", 0, limits)
    await ingress.start()
    try:
        yield Room(invocations, ingress)
    finally:
        await ingress.close(0)


# The longest that a test waits for anything: none waits so long unless something hangs.
PATIENCE_S = 30


def meet(story: Callable[[Room], Coroutine[None, None, None]], limits: Limits | None = None) -> None:
    """Runs a story in a room."""

    async def run() -> None:
        async with asyncio.timeout(PATIENCE_S), open_room(limits) as room:
            await story(room)

    asyncio.run(run())
