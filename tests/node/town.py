"""A town: a router, the nodes that it may ask, and a directory that says where partitions are."""

import asyncio
import functools
import itertools
import tempfile
from pathlib import Path

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import (
    Submission,
)
from perdure_runtime.node.router import Router
from perdure_runtime.partition.input import Submit
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.policy import Execution
from perdure_runtime.peer.port import PeerUnreachable, Residents

from tests.contracts.compiling import compile_protos, contract
from tests.peer.residents import FakeResidents

CONTRACT = """
message Person { string id = 1 [(perdure.v1.field).key = true]; }
service Orders { rpc Process(Order) returns (Receipt); }
service Signup {
  option (perdure.v1.service) = { kind: WORKFLOW };
  rpc Run(Person) returns (Receipt);
}
"""
ORDER = Submission("shop.v1.Orders", "Process", "", b"input", headers={"b": "1", "a": "2"})
SIGNUP = Submission("shop.v1.Signup", "Run", "ada", b"", must_be_new=True)
PLACEMENT = Placement(8)
PATIENCE_S = 30.0
NOW_MS = 1_700_000_000_000


@functools.cache
def contract_bytes() -> bytes:
    """The contract as an endpoint would describe it."""
    with tempfile.TemporaryDirectory() as folder:
        return compile_protos(Path(folder), contract(CONTRACT))


class Peer(FakeResidents):
    """A node. ``refusals`` are raised one after the other, each by the next question; the last ones of all are none."""

    def __init__(self, *refusals: Exception | None) -> None:
        super().__init__()
        self._refusals = list(refusals)

    async def _ask(self, *asked: object) -> None:
        self.error = self._refusals.pop(0) if self._refusals else None
        await super()._ask(*asked)


class Town:
    """A directory, and the nodes in it: all partitions are ``here``, at the node with that address, or nowhere.

    Each time somebody looks again, the partitions go to the next one of ``moves``.
    """

    def __init__(self, here: Peer, *moves: str, **peers: Peer) -> None:
        self.here = here
        self.owner = "here"
        self.suspected: list[int] = []
        self._moves = list(moves)
        self._peers = peers
        self._news = asyncio.Event()

    def is_here(self, partition: int) -> bool:
        return self.owner == "here"

    def address(self, partition: int) -> str:
        return self.owner

    def suspect(self, partition: int) -> None:
        self.suspected.append(partition)
        if self._moves:
            self.owner = self._moves.pop(0)
            self._news.set()

    async def changed(self) -> None:
        self._news.clear()
        await self._news.wait()

    def link(self, address: str) -> Residents:
        return self._peers[address]


class Source:
    """Contracts that do not change."""

    def __init__(self, retention_ms: int) -> None:
        default = Execution(outcome_retention_ms=retention_ms)
        self.contracts = Contracts.described(contract_bytes(), ["shop.v1.Orders", "shop.v1.Signup"], default)

    async def contracts_changed(self, known: Contracts) -> None:
        await asyncio.get_running_loop().create_future()


def router(town: Town, retention_ms: int = 86_400_000, patience_s: float = PATIENCE_S) -> Router:
    """The router of the node that is here."""
    numbers = itertools.count(1)

    def dice(bits: int) -> int:
        return next(numbers) * 10_007 % (1 << bits)

    return Router(town.here, town, town, PLACEMENT, Source(retention_ms), lambda: NOW_MS, dice, patience_s)


def gone(sent: bool) -> PeerUnreachable:
    """The peer did not answer."""
    return PeerUnreachable("far:1", "cut", sent=sent)


def submits(peer: Peer) -> list[Submit]:
    """What a node was asked to accept."""
    return [asked[1] for asked in peer.asked if isinstance(asked[1], Submit)]
