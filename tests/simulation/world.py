"""The saga's three endpoints and a node in one process, every one of which can be killed at any instant.

All of perdure is real but the outermost shell: sessions pass frames in memory, and storage is the fake that obeys the
contract of the real ones. Each frame, and each end of a commit, is an instant at which a kill can be ordered.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence

from orders.v1 import Item, Order, Receipt
from perdure import Endpoint, codec
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import NodeStops, NotAccepted, Submission
from perdure_runtime.invoker.transport import Link, OnFrames
from perdure_runtime.node.node import Node
from perdure_runtime.partition.journal import NOTIFICATIONS
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.memory import MemoryStorage

from examples import ledger
from examples.order_saga.app import app as orders
from examples.reliable_communication.app import app as mail
from examples.user_account.app import app as accounts

ENDPOINTS: dict[str, Endpoint] = {"orders": orders, "accounts": accounts, "mail": mail}
SKUS = ("kettle", "teapot")
# What each step of the order writes into the ledger.
LINES = {"charge": "charged", **{f"reserve {sku}": f"reserved 1 x {sku}" for sku in SKUS}}


class Instants:
    """Counts instants, and orders one kill when its own has come."""

    def __init__(self, kill_at: int | None) -> None:
        self.passed = 0
        self._kill_at = kill_at
        self.due = asyncio.Event()

    def pass_one(self) -> None:
        """One more thing has happened."""
        if self.passed == self._kill_at:
            self.due.set()
        self.passed += 1


class Killable:
    """The transport to one endpoint process, which can be killed: its next session is a new process's."""

    def __init__(self, name: str, instants: Instants) -> None:
        self.address = name
        self._endpoint = ENDPOINTS[name]
        self._instants = instants
        self._links: list[KillableLink] = []

    async def open(self, on_frames: OnFrames) -> Link:
        """Starts the process anew where it was killed."""
        link = KillableLink(self._endpoint, on_frames, self._instants)
        self._links.append(link)
        return link

    def kill(self) -> None:
        """The process says and hears nothing more."""
        for link in self._links:
            link.kill()


class KillableLink:
    """One session in memory."""

    def __init__(self, endpoint: Endpoint, on_frames: OnFrames, instants: Instants) -> None:
        self._on_frames = on_frames
        self._instants = instants
        self._dead = asyncio.Event()
        self._session = EndpointSession(endpoint, self._hear)

    def send(self, frame: NodeFrame) -> None:
        """Frames to a dead process go nowhere."""
        if not self._dead.is_set():
            self._instants.pass_one()
            asyncio.get_running_loop().call_soon(self._deliver, frame)

    def _deliver(self, frame: NodeFrame) -> None:
        if not self._dead.is_set():
            self._session.receive((frame,))

    def _hear(self, frames: Sequence[EndpointFrame]) -> None:
        for frame in frames:
            if not self._dead.is_set():
                self._instants.pass_one()
                asyncio.get_running_loop().call_soon(self._answer, frame)

    def _answer(self, frame: EndpointFrame) -> None:
        if not self._dead.is_set():
            self._on_frames((frame,))

    def kill(self) -> None:
        """Ends the process."""
        self._dead.set()

    async def closed(self) -> str:
        """Waits for the kill."""
        await self._dead.wait()
        return "killed"

    async def close(self) -> None:
        """Stops what the dead process would still do."""
        self._dead.set()
        await self._session.close()


class Commits:
    """Commits at once; before and after each of them is an instant."""

    def __init__(self, storage: MemoryStorage, instants: Instants, on_durable: Callable[[Writes], None]) -> None:
        self._storage = storage
        self._instants = instants
        self._on_durable = on_durable

    async def commit(self, writes: Writes) -> None:
        """An instant before the disk, an instant after it."""
        self._instants.pass_one()
        await asyncio.sleep(0)
        self._storage.stage(writes)
        self._storage.commit()
        self._on_durable(writes)
        self._instants.pass_one()
        await asyncio.sleep(0)

    def close(self) -> None:
        """Nothing to wait for."""


class World:
    """A node, three endpoints, and one order.

    ``acknowledged`` says of each step whose result is durable how many lines it had written by then.
    """

    def __init__(self, kill_at: int | None = None) -> None:
        self.instants = Instants(kill_at)
        self.storage = MemoryStorage()
        self.transports = {name: Killable(name, self.instants) for name in ENDPOINTS}
        self.acknowledged: dict[str, int] = {}
        self._journals: dict[str, list[Entry]] = defaultdict(list)

    async def start(self) -> None:
        """Starts a node on the storage, as a new process would."""
        self.node = Node(self.storage, committer=Commits(self.storage, self.instants, self._acknowledge))
        await self.node.start()
        for name, transport in self.transports.items():
            self.node.invoker.add(transport, Contracts.discovered(ENDPOINTS[name].discovery()))

    async def order(self) -> Receipt:
        """Submits the order until a node answers, with one idempotency key."""
        items = [Item(sku=sku, quantity=1, price_cents=1000) for sku in SKUS]
        order = Order(id="o-1", customer="ada", card="4242", items=items)
        submission = Submission("orders.v1.OrderService", "Process", "", codec.encode(order), idempotency_key="o-1")
        while True:
            try:
                _, outcome = await self.node.router.call(submission)
            except (NotAccepted, NodeStops):
                await asyncio.sleep(0)  # That node was killed; the next one is there already, or is about to be.
                continue
            return receipt(outcome)

    async def kill(self, victims: Sequence[str]) -> None:
        """Kills a node, endpoints or all of them, and starts them again."""
        for name, transport in self.transports.items():
            # The sessions of a dead node break, as those of a dead endpoint do.
            if name in victims or "runtime" in victims:
                transport.kill()
        if "runtime" in victims:
            dead, self.storage = self.node, self.storage.reopen()
            await self.start()
            await dead.close()

    async def close(self) -> None:
        """Ends everything."""
        await self.node.close()

    def _acknowledge(self, writes: Writes) -> None:
        for (id, _), entry in writes.journal.items():
            self._journals[id].append(entry)
            if entry.WhichOneof("entry") == "completion":
                commands = [
                    command for command in self._journals[id] if command.WhichOneof("entry") not in NOTIFICATIONS
                ]
                completed = commands[entry.completion.command]
                if completed.WhichOneof("entry") == "run" and (line := LINES.get(completed.run.name)):
                    self.acknowledged[line] = written(line)


def written(line: str) -> int:
    """How many lines of the order's ledger begin so."""
    return sum(other.startswith(line) for other in ledger.read("o-1"))


def receipt(outcome: Outcome) -> Receipt:
    """The result of the order."""
    assert outcome.HasField("value"), outcome
    return codec.decode(Receipt, outcome.value)
