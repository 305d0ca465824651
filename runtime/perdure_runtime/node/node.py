"""A runtime node: its shares of the cluster's partitions, its invoker and its way to peers, from start to close."""

import asyncio
import logging
import secrets
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import partial

from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import EndpointUnavailable
from perdure_runtime.invoker.deployed import Deployed
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.invoker.remote import PLAIN, Remote
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.membership.fixed import FixedDirectory
from perdure_runtime.membership.keeper import Keeper
from perdure_runtime.node.administration import Administration
from perdure_runtime.node.census import Census
from perdure_runtime.node.clock import ClockMs, Entropy, wall_clock_ms
from perdure_runtime.node.committer import ThreadedCommitter
from perdure_runtime.node.courier import Courier
from perdure_runtime.node.deployments import Deployments
from perdure_runtime.node.gauges import Gauges
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.residents import Residents
from perdure_runtime.node.router import Router
from perdure_runtime.node.settings import ClusterSettings
from perdure_runtime.node.share import Share
from perdure_runtime.node.shares import Shares
from perdure_runtime.node.shell import Committer
from perdure_runtime.node.stock import Stock
from perdure_runtime.node.watch import Watch
from perdure_runtime.node.whereabouts import Whereabouts
from perdure_runtime.partition.input import Input
from perdure_runtime.partition.policy import DEFAULT, Execution
from perdure_runtime.partition.recipient import recipient
from perdure_runtime.peer.port import Moved
from perdure_runtime.peer.tcp import Tcp
from perdure_runtime.storage.api import Database, Fallback, Parcel, Registry, Storage, StorageFailure, Survey
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.telemetry.metrics import Metrics
from perdure_runtime.telemetry.tracing import Tracing

# A peer that stops gets so long to hear the answers to what it asked.
GRACE_S = 1.0
# How long the nodes of a cluster may take to hear of a deployment before whoever registered it is told.
TELLING_S = 2.0

log = logging.getLogger(__name__)


class Node:
    """``router`` is what the ingress talks to, ``administration`` what the admin API does."""

    def __init__(
        self,
        storages: Database | Sequence[Storage],
        clock_ms: ClockMs = wall_clock_ms,
        committer: Committer | None = None,
        entropy: Entropy = secrets.randbits,
        defaults: Execution = DEFAULT,
        cluster: ClusterSettings | None = None,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
        remote: Remote = PLAIN,
    ) -> None:
        """A node alone on one storage, or among those of a ``cluster``, on one storage a database.

        ``defaults`` is how handlers are run whose contracts say nothing about it; ``committer`` is for one storage.
        ``remote`` is how endpoints are reached.
        """
        if cluster is None and isinstance(storages, Sequence):
            raise TypeError("a node alone has one storage")
        several: Sequence[Storage] = storages if isinstance(storages, Sequence) else (storages,)
        placement = several[0].placement
        self.metrics = Metrics() if metrics is None else metrics
        self._cluster = cluster
        self._clusters: Sequence[Cluster] = ()
        self._keepers: list[Keeper] = []
        self._whereabouts = Whereabouts()
        network = cluster.network if cluster is not None and cluster.network is not None else Tcp()
        self._peers = network.peers()
        self.invoker = Invoker(self._offer, self._report_away, self.metrics)
        self._courier = Courier(
            placement.partitions,
            self._whereabouts,
            self._peers,
            self._offer_to,
            self._fallbacks,
            self.metrics.messages,
        )
        self._shares = Shares(
            placement,
            [
                Share(
                    storage,
                    ThreadedCommitter(storage) if committer is None else committer,
                    self.invoker,
                    self._courier,
                    clock_ms,
                    partial(self._is_sure, index),
                    self._evicted if cluster is not None and cluster.fixed is None else None,
                    Watch(self.metrics, str(index), tracing),
                )
                for index, storage in enumerate(several)
            ],
            self._whereabouts.is_here,
        )
        registry, surveys = _records(storages, cluster)
        self._deployments = Deployments(
            registry, surveys, self.invoker, clock_ms, entropy, defaults, self._tell, remote=remote
        )
        residents = Residents(self._shares, self.invoker, clock_ms, entropy, self._deployments.refresh)
        self.router = Router(residents, self._peers, self._whereabouts, placement, self.invoker, clock_ms, entropy)
        self.administration = Administration(
            self.router,
            self._deployments,
            self.invoker,
            Stock(surveys),
            placement,
            clock_ms,
            Census(lambda: self._keepers, cluster.fixed if cluster is not None else None),
            self._flush,
        )
        self._server = network.server(residents, self, *cluster.listen) if cluster is not None else None
        self._tasks: list[asyncio.Task[None]] = []
        self.metrics.watch(Gauges(self._shares.all, self.invoker, self._courier, lambda: len(self._addresses())))

    @property
    def loop(self) -> PartitionLoop:
        """The loop of the first share: the only one of a node with one database."""
        return self._shares.all[0].loop

    @property
    def peer_address(self) -> str:
        """Where peers reach this node; empty where it has none."""
        if self._server is None or self._cluster is None:
            return ""
        return self._cluster.advertised or f"{self._cluster.listen[0]}:{self._server.port}"

    def is_here(self, partition: int) -> bool:
        """Whether a partition is this node's, for sure."""
        return self._whereabouts.is_here(partition)

    def serve_here(self, transport: Transport, contracts: Contracts) -> None:
        """Sends invocations of these services to an endpoint of this process."""
        self._deployments.serve_here(transport, contracts)

    async def start(self) -> None:
        """Takes its partitions, or its place among the nodes that have them, and goes on with what was running.

        Raises StorageInUse, StorageFailure; OSError where it cannot listen for peers.
        """
        if self._server is not None:
            await self._server.start()
        if self._cluster is not None and self._cluster.fixed is None:
            await self._join(self._cluster)
        else:
            await self._settle_down()
        tasks = [task for share in self._shares.all for task in share.start()]
        tasks.append(asyncio.create_task(self._deployments.follow_names(), name="host names"))
        # At a node alone nobody else registers anything, and one partition sends itself no messages.
        if self._cluster is not None:
            tasks.append(asyncio.create_task(self._deployments.follow_registry(), name="deployments"))
        if self._shares.placement.partitions > 1:
            tasks.append(asyncio.create_task(self._courier.run(), name="courier"))
        self._tasks += tasks

    async def failed(self) -> None:
        """Waits until a part of the node has stopped, and raises why: the process must end and be started again."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    def clock_moved(self) -> None:
        """The node's clock, which tests set by hand, was moved on: what is due by now happens."""
        for share in self._shares.all:
            share.timers.clock_moved()

    async def drain(self) -> None:
        """Hands its partitions over to other nodes, which then need not wait until its lease is over."""
        await asyncio.gather(*(keeper.drain() for keeper in self._keepers))

    async def close(self) -> None:
        """Stops. What is not durable yet is lost, as in a crash: nobody was told of it."""
        await self.invoker.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.close(GRACE_S)
        await self._peers.close()
        for share in self._shares.all:
            await share.close()
        for cluster in self._clusters:
            cluster.close()

    def receive(self, parcels: Sequence[Parcel]) -> None:
        """Messages from peers."""
        self._courier.receive(parcels)

    def acknowledged(self, source: int, destination: int, seq: int) -> None:
        """A peer has messages."""
        self._courier.acknowledged(source, destination, seq)

    def look(self) -> None:
        """Something has changed in the cluster."""
        for keeper in self._keepers:
            keeper.look_soon()

    async def _settle_down(self) -> None:
        """Takes the partitions that are this node's for good."""
        for share in self._shares.all:
            await share.acquire()
        fixed = self._cluster.fixed if self._cluster is not None else None
        mine = [partition for share in self._shares.all for partition in share.owned]
        addresses: dict[int, str] = {}
        if fixed is not None:
            number = len(fixed.addresses)
            partitions = range(self._shares.placement.partitions)
            addresses = {partition: fixed.addresses[partition % number] for partition in partitions}
        self._deployments.restore()
        self._whereabouts.settle([FixedDirectory(mine, addresses)])

    async def _join(self, settings: ClusterSettings) -> None:
        """Joins the nodes that share the databases."""
        self._clusters = settings.clusters(self.peer_address)
        self._keepers = [
            Keeper(
                cluster,
                settings.node_id,
                settings.lease_s,
                share,
                asyncio.get_running_loop().time,
                self._changed,
                self._peers.look,
                settings.thread() if settings.thread is not None else None,
                self.metrics.leases.of(str(index)),
            )
            for index, (cluster, share) in enumerate(zip(self._clusters, self._shares.all, strict=True))
        ]
        for keeper in self._keepers:
            await keeper.join()
        # After it has joined: of a deployment that is registered from now on this node is told.
        self._deployments.restore()
        self._whereabouts.settle(self._keepers)
        for address in sorted(self._addresses()):
            self._peers.look(address)
        self._tasks = [asyncio.create_task(keeper.run(), name="lease") for keeper in self._keepers]

    def _changed(self) -> None:
        """The nodes are others than before."""
        self._peers.keep(self._addresses())

    def _addresses(self) -> set[str]:
        """Of the peers that live."""
        settings = self._cluster
        if settings is None:
            return set()
        if settings.fixed is not None:
            return set(settings.fixed.addresses) - {settings.fixed.addresses[settings.fixed.own_number]}
        return {
            node.address
            for keeper in self._keepers
            for node in keeper.snapshot.nodes.values()
            if node.alive and node.id != settings.node_id
        }

    async def _tell(self) -> None:
        """Waits until all peers that live have read which deployments there are; those that do not answer will."""
        told = [asyncio.wait_for(self._peers.link(each).refresh(), TELLING_S) for each in await self._living()]
        for answer in await asyncio.gather(*told, return_exceptions=True):
            if isinstance(answer, Exception):
                log.warning("a peer has not read the deployments yet: %s", answer)

    async def _living(self) -> set[str]:
        """The addresses of peers that live, those too that have joined just now."""
        try:
            return self._addresses().union(*[await keeper.peers() for keeper in self._keepers])
        except StorageFailure as failure:
            log.warning("who has joined last is not known: %s", failure)
            return self._addresses()

    def _offer(self, input: Input) -> None:
        shares = self._shares
        if len(shares.all) == 1:
            shares.all[0].loop.offer(input)
        else:
            self._offer_to(recipient(input, shares.placement), input)

    def _offer_to(self, partition: int, input: Input) -> None:
        shares = self._shares.all
        shares[partition % len(shares)].loop.offer(input)

    async def _flush(self) -> None:
        for share in self._shares.all:
            # What is lost instead has not begun.
            with suppress(Moved):
                await share.loop.flush()

    def _is_sure(self, index: int) -> bool:
        return not self._keepers or self._keepers[index].is_sure()

    def _evicted(self, partitions: Collection[int]) -> None:
        log.warning("another node has taken partitions of this one: %s", sorted(partitions))
        self.look()

    def _fallbacks(self) -> Iterable[tuple[Fallback, Collection[int]]]:
        """The databases that nodes share, with the partitions in each."""
        partitions, databases = self._shares.placement.partitions, len(self._shares.all)
        fallbacks = self._cluster.fallbacks if self._cluster is not None and self._keepers else ()
        return [(each, range(index, partitions, databases)) for index, each in enumerate(fallbacks)]

    def _report_away(self, deployed: Deployed) -> None:
        waiting = deployed.waiting()
        for share in self._shares.all:
            share.waiters.fail(waiting, lambda id: EndpointUnavailable(id, deployed.address, deployed.away))


def _records(
    storages: Database | Sequence[Storage], cluster: ClusterSettings | None
) -> tuple[Registry, Sequence[Survey]]:
    """Where deployments and all rows of the cluster are."""
    if cluster is not None:
        return cluster.registry, cluster.surveys
    assert not isinstance(storages, Sequence)
    return storages, (storages,)
