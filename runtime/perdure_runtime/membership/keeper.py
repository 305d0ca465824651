"""The keeper of a node's place in one database: renews its lease, and follows the plan of who owns what.

A node that has not renewed its lease in time, by its own clock, lets go of everything at once: by then another may have
taken it. Whoever was replaced, or could not reach the database, takes part anew once that answers.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from functools import partial
from math import inf

from perdure_runtime.membership.holder import Holder
from perdure_runtime.membership.lease import Lease
from perdure_runtime.membership.moves import Moves
from perdure_runtime.membership.plan import Plan, plan
from perdure_runtime.membership.thread import OwnThread, Thread
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.cluster import Cluster, Holding, Snapshot, owned_by
from perdure_runtime.telemetry.tallies import LeaseTally

# How often a lease is renewed while it runs.
RENEWALS = 3
# A database that does not answer is asked again after so long.
AGAIN_S = 0.5
# Nodes that were cut off from the database together with this one are back by then, and keep what is theirs.
GRACE_S = 2 * AGAIN_S
# What others suspect, or what has just been moved, makes a node look no more often than this.
SHORTEST_S = 0.2
# A lease that ends is looked at when it surely has ended, however its time was rounded.
MOMENT_S = 0.001

log = logging.getLogger(__name__)


class Keeper:
    """One a node and database. Implements ``peer.port.Directory``; belongs to the thread of the event loop.

    ``join`` once, then ``run`` as a task, until that is cancelled or ``drain`` has ended it.
    """

    def __init__(
        self,
        cluster: Cluster,
        node_id: str,
        lease_s: float,
        holder: Holder,
        monotonic: Callable[[], float],
        on_change: Callable[[], None],
        tell: Callable[[str], None],
        thread: Thread | None = None,
        tally: LeaseTally | None = None,
    ) -> None:
        """The cluster is used in ``thread`` alone, by default one of its own, and closed by whoever has opened it.

        ``on_change`` is called when nodes, owners, or what is here are others than before. ``tell`` makes the peer at
        an address look soon; it returns at once. ``lease_s`` is that of the cluster.
        """
        self._cluster = cluster
        self._node_id = node_id
        self._holder = holder
        self._monotonic = monotonic
        self._on_change = on_change
        self._tell = tell
        self._thread = OwnThread() if thread is None else thread
        self._tally = LeaseTally() if tally is None else tally
        self._lease = Lease(lease_s, monotonic)
        self._moves = Moves(holder, self._give, self._move_ended)
        self._snapshot = Snapshot({}, {})
        self._asked_at_s = -inf
        self._due_at_s = -inf
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self._draining = False
        self._is_cut_off = False

    @property
    def snapshot(self) -> Snapshot:
        """The cluster as it was last seen."""
        return self._snapshot

    def is_sure(self) -> bool:
        """Whether what this node owns is its own: else it must not act on it."""
        return self._lease.runs

    def is_here(self, partition: int) -> bool:
        """Whether this node owns it, and can be sure of it."""
        return partition in self._holder.owned and self._lease.runs

    def address(self, partition: int) -> str:
        """Where the peer is reached that owns it; empty where that is this node, or nobody whose lease ran."""
        held = self._snapshot.partitions.get(partition)
        owner = self._snapshot.nodes.get(held.owner) if held is not None else None
        return owner.address if owner is not None and owner.alive and owner.id != self._node_id else ""

    def suspect(self, partition: int) -> None:
        """What is known of a partition has been found wrong: looks again, if it has not just done so."""
        self._look_in(self._asked_at_s + SHORTEST_S - self._monotonic())

    async def changed(self) -> None:
        """Waits until something is known that was not before."""
        await self._news.wait()

    def look_soon(self) -> None:
        """Something has changed in the cluster: looks at once."""
        self._look_in(0)

    async def join(self) -> None:
        """Becomes a node of the cluster, which has no partitions yet. Raises StorageFailure."""
        await self._look()
        self.look_soon()

    async def peers(self) -> set[str]:
        """The addresses of the other nodes that live, as of now. Raises StorageFailure."""
        snapshot = await self._thread.run(self._cluster.read)
        return {node.address for node in snapshot.nodes.values() if node.alive and node.id != self._node_id}

    async def run(self) -> None:
        """Keeps the lease and follows the plan until cancelled, or drained."""
        try:
            async with asyncio.TaskGroup() as moves:
                self._moves.start(moves)
                while not self._is_drained():
                    if self._due_at_s <= self._monotonic():
                        await self._round()
                    await self._wait()
            await self._leave()
        finally:
            if self._expiry is not None:
                self._expiry.cancel()
            self._thread.close()
            self._ended.set()

    async def drain(self) -> None:
        """Hands all partitions over and leaves the cluster; ``run`` then ends.

        Where the database is away, this takes until the lease is over.
        """
        self._draining = True
        self.look_soon()
        while not self._ended.is_set() and (self._lease.runs or self._holder.owned):
            try:
                async with asyncio.timeout(max(self._lease.left_s, 0) + MOMENT_S):
                    await self._ended.wait()
            except TimeoutError:
                # A database that hangs ends nothing by itself.
                self._expire()

    async def _wait(self) -> None:
        """Until the next look is due, or somebody has woken this one."""
        self._wake.clear()
        try:
            async with asyncio.timeout(self._due_at_s - self._monotonic()):
                await self._wake.wait()
        except TimeoutError:
            # However its time was rounded.
            self._due_at_s = -inf

    async def _round(self) -> None:
        """One look, and what follows from it."""
        had_lease = self._lease.runs
        try:
            await self._look()
            steps = plan(self._node_id, self._snapshot, self._moves.held)
            if steps.lost:
                log.warning("other nodes have taken the partitions %s", sorted(steps.lost))
                self._lose(steps.lost)
            self._move(steps)
            await self._take(steps.take, had_lease)
        except StorageFailure as failure:
            self._lease.not_renewed()
            if not self._is_cut_off:
                log.warning("node %s cannot reach its database, and tries again: %s", self._node_id, failure)
            self._is_cut_off = True
            self._look_in(AGAIN_S)
            return
        if self._is_cut_off:
            log.info("node %s reaches its database again", self._node_id)
        self._is_cut_off = False

    async def _look(self) -> None:
        """Renews the lease, and sees how things are. Raises StorageFailure."""
        self._expire()
        self._asked_at_s = self._monotonic()
        # Whoever asks for a look from here on gets another one.
        self._due_at_s = inf
        snapshot = await self._thread.run(partial(self._cluster.look, self._draining))
        # A process that was frozen comes to this before its timers.
        self._expire()
        self._lease.renewed(self._asked_at_s)
        self._tally.renewals += 1
        if not self._lease.runs:
            raise StorageFailure("the database has taken longer to answer than a lease runs")
        self._watch_lease()
        self._know(snapshot)
        others = [node.lease_left_s for node in snapshot.nodes.values() if node.alive and node.id != self._node_id]
        self._look_in(min([self._lease.lease_s / RENEWALS, *(left_s + MOMENT_S for left_s in others)]))

    def _move(self, steps: Plan) -> None:
        """Starts to load and to hand over what is to be, but for what is on the move already."""
        busy = self._moves.busy
        self._moves.gain({partition: epoch for partition, epoch in steps.gain.items() if partition not in busy})
        if self._moves.is_giving:
            return
        mine = owned_by(self._snapshot, self._node_id)
        given = {
            to: {partition: mine[partition] for partition in partitions if partition not in busy}
            for to, partitions in steps.give.items()
        }
        self._moves.give({to: epochs for to, epochs in given.items() if epochs})

    async def _take(self, planned: Mapping[int, Holding], had_lease: bool) -> None:
        """Takes what is free, and will not be claimed by an owner that was cut off as this node was.

        Raises StorageFailure.
        """
        nodes = self._snapshot.nodes
        patient = self._lease.unbroken_s < GRACE_S
        claimed = {number for number, held in planned.items() if patient and held.owner in nodes}
        free = {number: planned[number] for number in planned.keys() - claimed - self._moves.busy}
        if claimed:
            self._look_in(GRACE_S - self._lease.unbroken_s)
        if not had_lease and free:
            # What it sees may be the moment after a long outage.
            self.look_soon()
        elif free:
            taken = await self._thread.run(partial(self._cluster.take, free))
            self._own({partition: Holding(self._node_id, epoch) for partition, epoch in taken.items()})
            # Without a lease these are for the next look to find.
            if self._lease.runs:
                self._moves.gain(taken)

    async def _give(self, epochs: Mapping[int, int], to: str) -> None:
        await self._thread.run(partial(self._cluster.give, epochs, to))
        self._own({partition: Holding(to, epoch + 1) for partition, epoch in epochs.items()})
        receiver = self._snapshot.nodes.get(to)
        if receiver is not None:
            self._tell(receiver.address)

    async def _leave(self) -> None:
        try:
            await self._thread.run(self._cluster.leave)
        except StorageFailure as failure:
            log.warning("node %s leaves without a word, its lease will run out: %s", self._node_id, failure)

    def _is_drained(self) -> bool:
        return self._draining and not self._holder.owned and not self._moves.busy

    def _move_ended(self) -> None:
        self._look_in(AGAIN_S if self._is_cut_off else SHORTEST_S)
        self._change()

    def _look_in(self, delay_s: float) -> None:
        """Looks after so long, if it would not sooner."""
        self._due_at_s = min(self._due_at_s, self._monotonic() + max(delay_s, 0))
        self._wake.set()

    def _watch_lease(self) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(self._lease.left_s + MOMENT_S, self._lease_due)

    def _lease_due(self) -> None:
        if self._lease.runs:
            self._watch_lease()  # The clock of the loop is ahead.
        else:
            self._expire()

    def _expire(self) -> None:
        """Lets go of everything where the lease is over."""
        held = self._moves.held
        if held and not self._lease.runs:
            log.warning("node %s could not renew its lease, and lets go of %d partitions", self._node_id, len(held))
            self._lose(held)

    def _lose(self, partitions: Collection[int]) -> None:
        self._tally.losses += 1
        self._moves.drop(partitions)
        self._change()

    def _own(self, owners: Mapping[int, Holding]) -> None:
        """What this node has changed itself is known before the next look."""
        self._know(Snapshot(self._snapshot.nodes, {**self._snapshot.partitions, **owners}))

    def _know(self, snapshot: Snapshot) -> None:
        before, self._snapshot = self._snapshot, snapshot
        if before.partitions != snapshot.partitions or _peers(before) != _peers(snapshot):
            self._change()

    def _change(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
        self._on_change()


def _peers(snapshot: Snapshot) -> set[tuple[str, str, bool, bool]]:
    return {(node.id, node.address, node.alive, node.draining) for node in snapshot.nodes.values()}
