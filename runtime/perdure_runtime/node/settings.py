"""How a node stands in a cluster."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.membership.thread import Thread
from perdure_runtime.node.courier import Carrier
from perdure_runtime.peer.port import Post, Residents
from perdure_runtime.storage.api import Fallback, Registry, Survey
from perdure_runtime.storage.cluster import Cluster


class Peers(Carrier, Protocol):
    """The other nodes, by address."""

    def link(self, address: str) -> Residents:
        """The invocations of the node at an address. All methods raise PeerUnreachable too."""

    def look(self, address: str) -> None:
        """Makes the node at an address look at the cluster soon; promises nothing."""

    def keep(self, addresses: Collection[str]) -> None:
        """These nodes live: what leads to others is closed."""

    async def close(self) -> None:
        """Closes all connections."""


class PeerServer(Protocol):
    """Where other nodes ask this one."""

    @property
    def port(self) -> int:
        """The port that is bound."""

    async def start(self) -> None:
        """Listens. Raises OSError."""

    async def close(self, grace_s: float) -> None:
        """Lets nobody in any more, and waits so long for those who have asked."""


class Network(Protocol):
    """How nodes reach each other."""

    def peers(self) -> Peers:
        """The way to the others."""

    def server(self, residents: Residents, post: Post, host: str, port: int) -> PeerServer:
        """The way in, not open yet."""


@dataclass(frozen=True, slots=True)
class FixedWorkers:
    """Workers whose partitions never move: partition p is at worker p modulo their number.

    ``addresses`` are where their peers reach them, by their number.
    """

    addresses: tuple[str, ...]
    own_number: int


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """A node among others.

    Attributes:
        node_id: Another one at each start of a process.
        listen: Where peers connect; port 0 lets the system choose.
        advertised: "host:port" that peers are told; empty for what was bound.
        lease_s: Partitions of a node that has said nothing for so long go to others.
        registry: Where the deployments of the cluster are.
        surveys: All rows of the cluster.
        clusters: Who owns what in each database, for a node at this advertised address; none for ``fixed`` workers.
        fallbacks: The way for messages between nodes that do not reach each other, one a database; none where there is
            no such way.
        fixed: Where partitions are that never move.
        network: How nodes reach each other; over TCP by default.
        thread: Where the calls of each keeper block; by default in a thread of its own.
    """

    node_id: str
    listen: tuple[str, int]
    advertised: str
    lease_s: float
    registry: Registry
    surveys: Sequence[Survey]
    clusters: Callable[[str], Sequence[Cluster]] = lambda address: ()
    fallbacks: Sequence[Fallback] = ()
    fixed: FixedWorkers | None = None
    network: Network | None = None
    thread: Callable[[], Thread] | None = None
