"""A node whose endpoint is the test: it says what handlers would, and looks at what they get."""

import asyncio
import functools
import itertools
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame, Start, Suspension
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.node.node import Node
from perdure_runtime.storage.memory import MemoryStorage

from tests.contracts.compiling import compile_protos, contract
from tests.invoker.test_connection import FakeLink, FakeTransport

NOW_MS = 1_700_000_000_000
CONTRACT = """
message Person { string id = 1 [(perdure.v1.field).key = true]; }
service Orders { rpc Process(Order) returns (Receipt); }
service Account {
  option (perdure.v1.service) = { kind: VIRTUAL_OBJECT state: "shop.v1.Receipt" };
  rpc Update(Person) returns (Receipt);
}
service Signup {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Person) returns (Receipt);
  rpc Verify(Person) returns (Receipt);
}
"""
SERVICES = ("shop.v1.Orders", "shop.v1.Account", "shop.v1.Signup")
ORDER = Submission("shop.v1.Orders", "Process", "", b"")
SIGNUP = Submission("shop.v1.Signup", "Run", "ada", b"")


@functools.cache
def contract_bytes() -> bytes:
    """The contract as an endpoint would describe it."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_protos(Path(folder), contract(CONTRACT))


class Room:
    """A node with a clock in the test's hand, and the session that it has with the endpoint."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.storage = MemoryStorage()
        numbers = itertools.count(1)
        self.node = Node(self.storage, lambda: self.now_ms, entropy=lambda bits: next(numbers))
        self.transport = FakeTransport()
        self.transport.up.set()

    async def start(self) -> None:
        """The node runs, and its endpoint is there."""
        await self.node.start()
        self.node.invoker.add(self.transport, Contracts.described(contract_bytes(), SERVICES))
        self.link: FakeLink = await self.transport.links.get()
        await settle()

    async def submit(self, submission: Submission = ORDER) -> str:
        """A call from outside; its handler has begun."""
        invocation_id = await self.node.router.submit(submission)
        await settle()
        return invocation_id

    async def says(self, invocation_id: str, *entries: Entry) -> None:
        """The newest attempt of an invocation asks for something."""
        slot = self.slot(invocation_id)
        self.link.answer([EndpointFrame(slot=slot, entry=entry) for entry in entries])
        await self.node.loop.flush()

    async def suspends(self, invocation_id: str, *awaiting: int) -> None:
        """The newest attempt of an invocation leaves memory."""
        suspension = Suspension(awaiting=awaiting)
        self.link.answer([EndpointFrame(slot=self.slot(invocation_id), suspension=suspension)])
        await self.node.loop.flush()

    async def ends(self, invocation_id: str, outcome: Outcome) -> None:
        """The handler of an invocation has its outcome."""
        self.link.answer([EndpointFrame(slot=self.slot(invocation_id), outcome=outcome)])
        await self.node.loop.flush()

    def starts(self, invocation_id: str) -> list[Start]:
        """All attempts of an invocation."""
        return [frame.start for frame in self._frames("start") if frame.start.invocation_id == invocation_id]

    def others(self, invocation_id: str) -> list[str]:
        """What else has begun, such as what an invocation has called, in order."""
        begun = dict.fromkeys(frame.start.invocation_id for frame in self._frames("start"))
        return [id for id in begun if id != invocation_id]

    def slot(self, invocation_id: str) -> int:
        """Where the newest attempt of an invocation runs."""
        slots = [frame.slot for frame in self._frames("start") if frame.start.invocation_id == invocation_id]
        return slots[-1]

    def heard(self, invocation_id: str, kind: str) -> list[NodeFrame]:
        """What the newest attempt of an invocation was told, of one kind."""
        return [frame for frame in self._frames(kind) if frame.slot == self.slot(invocation_id)]

    def _frames(self, kind: str) -> list[NodeFrame]:
        return [frame for frame in self.link.sent if frame.WhichOneof("frame") == kind]


async def settle() -> None:
    """Lets all that can run now run."""
    for _ in range(20):
        await asyncio.sleep(0)


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own."""

    async def run() -> None:
        room = Room()
        await room.start()
        try:
            async with asyncio.timeout(20):
                await story(room)
        finally:
            await room.node.close()

    asyncio.run(run())


def done(value: bytes = b"done") -> Outcome:
    """A handler's result."""
    return Outcome(value=value)
