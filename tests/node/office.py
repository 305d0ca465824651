"""A cluster's registry in memory, and nodes that know its deployments, without anything else of a node."""

import itertools
from collections.abc import Awaitable, Callable, Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.resolving import look_up
from perdure_runtime.node.deployments import Deployments
from perdure_runtime.partition.input import Input
from perdure_runtime.partition.policy import DEFAULT
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import DeploymentRow, StorageFailure, Usage
from perdure_runtime.storage.memory import MemoryStorage

from tests.admin.naive import NaiveSurvey


class Office(MemoryStorage):
    """Keeps deployments and definitions, and fails to read deployments while it has ``trouble``.

    Attributes:
        before_move: Called once before an address changes, as if another node were faster.
    """

    def __init__(self) -> None:
        super().__init__()
        self.trouble = ""
        self.reads = 0
        self.before_move: Callable[[], None] | None = None
        self.numbers = itertools.count(1)

    def deployments(self) -> list[DeploymentRow]:
        self.reads += 1
        if self.trouble:
            raise StorageFailure(self.trouble)
        return super().deployments()

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        if self.before_move is not None:
            before, self.before_move = self.before_move, None
            before()
        return super().move_deployment(deployment_id, old, new)


class Files(NaiveSurvey):
    """A database of the cluster, with what a test says."""

    def __init__(self, *invocations: Invocation, usage: Usage | None = None) -> None:
        super().__init__()
        self.invocations = invocations
        self._usage = usage or Usage({}, {})

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return [row for row in self.invocations if row.deployment_id == deployment_id][:limit]

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return []

    def usage(self, service: str) -> Usage:
        return self._usage

    def entries(self, invocation_id: str) -> list[Entry]:
        return []


class Clerk:
    """The deployments of one node, and the invoker that they route.

    Attributes:
        told: How often it has told the other nodes.
        looked_up: How often it has asked what a host name stands for.
        known: What host names stand for, nothing where that cannot be told; of others the system is asked.
    """

    def __init__(self, office: Office, *databases: Files, now_ms: int = 1_000) -> None:
        self.offered: list[Input] = []
        self.peers: list[Clerk] = []
        self.told = 0
        self.looked_up = 0
        self.known: dict[str, list[str]] = {}
        self.invoker = Invoker(self.offered.append, lambda deployed: None)
        self.deployments = Deployments(
            office,
            databases,
            self.invoker,
            lambda: now_ms,
            lambda bits: next(office.numbers),
            DEFAULT,
            self._tell,
            self._look_up,
        )

    async def register(self, *addresses: str, force: bool = False) -> str:
        """Registers an endpoint, and returns the id of its deployment."""
        return (await self.deployments.register(addresses, force=force, verify=False)).id

    async def _tell(self) -> None:
        self.told += 1
        refreshing: list[Awaitable[None]] = [peer.deployments.refresh() for peer in self.peers]
        for each in refreshing:
            await each

    async def _look_up(self, host: str) -> Sequence[str]:
        self.looked_up += 1
        if host not in self.known:
            return await look_up(host)
        if not self.known[host]:
            raise OSError("no name server answers")
        return self.known[host]
