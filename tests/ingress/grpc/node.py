"""A node in memory behind a real ingress: what callers submit is kept, and ends when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import grpc.aio
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.port import EndedInvocation, InvocationName, Submission
from perdure_runtime.ingress.server import Ingress

from tests.ingress.told import Told, id_of

PROCESS = "/shop.v1.Orders/Process"
UPDATE = "/shop.v1.Account/Update"
RUN = "/shop.v1.Signup/Run"
# Any protobuf library writes Order(id="o-1") so.
ORDER = b"\x0a\x03o-1"
RECEIPT = b"\x0a\x03r-1"

SHOP = """
message Keyed { double amount = 1; string account = 2 [(perdure.v1.field) = { key: true }]; }
service Orders {
  rpc Process(Order) returns (Receipt);
  rpc Audit(Order) returns (Receipt) { option (perdure.v1.method) = { visibility: PRIVATE }; }
}
service Account {
  option (perdure.v1.service) = { kind: VIRTUAL_OBJECT };
  rpc Update(Keyed) returns (Receipt);
}
service Ledger {
  option (perdure.v1.service) = { visibility: PRIVATE };
  rpc Book(Order) returns (Receipt);
}
service Signup {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Keyed) returns (Receipt);
}
"""
SERVICES = ("shop.v1.Orders", "shop.v1.Account", "shop.v1.Ledger", "shop.v1.Signup")


class FakeNode(Told):
    """Implements ``ingress.port.Invocations``. Invocations end at once with ``result`` unless it is None."""

    def __init__(self, contracts: Contracts, result: Outcome | None = None) -> None:
        super().__init__()
        self.result = Outcome(value=RECEIPT) if result is None else result
        self.holds = False
        self.submissions: dict[str, Submission] = {}
        self.given_up: list[str] = []
        self.submitted = asyncio.Condition()
        self._contracts = contracts
        self._registered = asyncio.Event()
        self._ends: dict[str, asyncio.Future[Outcome]] = {}

    @property
    def contracts(self) -> Contracts:
        """What is registered."""
        return self._contracts

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits for ``register``."""
        while self._contracts is known:
            await self._registered.wait()

    def register(self, contracts: Contracts) -> None:
        """Replaces what is registered."""
        self._contracts = contracts
        self._registered.set()
        self._registered = asyncio.Event()

    def end(self, invocation_id: str, outcome: Outcome | None = None) -> None:
        """An invocation that was held ends."""
        self._ends[invocation_id].set_result(self.result if outcome is None else outcome)

    async def submissions_reach(self, count: int) -> None:
        """Waits until so many calls have come."""
        async with self.submitted:
            await self.submitted.wait_for(lambda: len(self.submissions) >= count)

    async def submit(self, submission: Submission) -> str:
        """Numbers invocations as they come; one idempotency key is one of them."""
        for known, other in self.submissions.items():
            if submission.idempotency_key and submission.idempotency_key == other.idempotency_key:
                return known
        invocation_id = f"inv_{len(self.submissions) + 1}"
        self.submissions[invocation_id] = submission
        self._ends[invocation_id] = asyncio.get_running_loop().create_future()
        if not self.holds:
            self.end(invocation_id)
        async with self.submitted:
            self.submitted.notify_all()
        return invocation_id

    async def call(self, submission: Submission) -> tuple[str, Outcome]:
        """Submits and waits."""
        invocation_id = await self.submit(submission)
        return invocation_id, (await self.attach(invocation_id)).outcome

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits; whoever gives up is noted."""
        invocation_id = id_of(name, self.submissions)
        try:
            outcome = await asyncio.shield(self._ends[invocation_id])
        except asyncio.CancelledError:
            self.given_up.append(invocation_id)
            async with self.submitted:
                self.submitted.notify_all()
            raise
        submission = self.submissions[invocation_id]
        return EndedInvocation(invocation_id, submission.service, submission.handler, outcome)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """What has ended."""
        return await self.attach(name) if self._ends[id_of(name, self.submissions)].done() else None

    def submission_of(self, name: InvocationName) -> Submission:
        """What became an invocation."""
        return self.submissions[id_of(name, self.submissions)]


class Room:
    """A fake node, and callers of its ingress."""

    def __init__(self, node: FakeNode, ingress: Ingress) -> None:
        self.node = node
        self.ingress = ingress

    @asynccontextmanager
    async def channel(self, *options: tuple[str, object]) -> AsyncIterator[grpc.aio.Channel]:
        """A client of grpc.aio. Each has a connection of its own."""
        own = ("grpc.use_local_subchannel_pool", 1)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self.ingress.port}", [own, *options]) as channel:
            yield channel


@asynccontextmanager
async def room(contracts: Contracts, limits: Limits | None = None) -> AsyncIterator[Room]:
    """Serves a fake node for a while."""
    node = FakeNode(contracts)
    ingress = Ingress(node, "127.0.0.1", 0, limits)
    await ingress.start()
    try:
        yield Room(node, ingress)
    finally:
        await ingress.close(0)


def failure(code: int, message: str, details: Sequence[bytes] = ()) -> Outcome:
    """A terminal error."""
    return Outcome(failure=Failure(code=code, message=message, details=details))
