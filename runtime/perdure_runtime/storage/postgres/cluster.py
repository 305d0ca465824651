"""The cluster of nodes over one PostgreSQL database.

Each method is one transaction in one round trip, and leaves nothing in its session: it works behind poolers. Locks are
taken in the order of ``ownership``. A lease is renewed in the row of its node, and whoever takes its partitions locks
that row first: so a node that renews its lease at that moment either keeps its partitions, or sees that it has lost
them. The row of a node that owns partitions is never removed.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

import psycopg
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.cluster import Holding, NodeRow, Snapshot
from perdure_runtime.storage.postgres import ownership
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.failure import failure
from perdure_runtime.storage.postgres.ownership import LOCK_WRITERS
from perdure_runtime.storage.postgres.statements import Columns, Parameters, rows_of
from perdure_runtime.storage.postgres.values import INTEGER, PARTITION, TEXT

# Whoever waits longer for a row would be late to renew its own lease.
LOCK_TIMEOUT = "1s"

_SEEN: Columns = {"partition": PARTITION, "owner": TEXT, "epoch": INTEGER}
_AS_SEEN = "held.partition = rows.partition AND held.owner = rows.owner AND held.epoch = rows.epoch"

# The clock is read once the row is locked: a renewal that had to wait says no less than a whole lease.
_RENEW = """
    INSERT INTO perdure.node (id, address, lease_until, draining, joined_at)
    VALUES (%(node)s, %(address)s, clock_timestamp() + make_interval(secs => %(lease_s)s), %(draining)s,
        clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET address = excluded.address, draining = excluded.draining,
        lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
"""
_BEGIN_WRITER = "INSERT INTO perdure.writer (node, batch) VALUES (%(node)s, 0) ON CONFLICT DO NOTHING"
_FORGET_DEAD = """
    WITH dead AS (
        SELECT id FROM perdure.node WHERE lease_until < clock_timestamp() - interval '1 hour' AND id <> %(node)s
            AND NOT EXISTS (SELECT FROM perdure.partition WHERE owner = id)
        ORDER BY id FOR UPDATE SKIP LOCKED
    ), gone AS (
        DELETE FROM perdure.writer USING dead WHERE node = dead.id
    )
    DELETE FROM perdure.node USING dead WHERE node.id = dead.id
"""
# One statement, one moment.
_SNAPSHOT = """
    SELECT NULL AS partition, NULL AS epoch, id, address, draining,
        extract(epoch FROM lease_until - clock_timestamp())::double precision
    FROM perdure.node
    UNION ALL SELECT partition, epoch, owner, NULL, NULL, NULL FROM perdure.partition ORDER BY partition, id
"""
_LOCK_SEEN = f"""
    SELECT FROM perdure.partition AS held JOIN {rows_of(_SEEN)} ON {_AS_SEEN} ORDER BY held.partition FOR UPDATE OF held
"""
_LOCK_NODES = "SELECT FROM perdure.node WHERE id = ANY(%(nodes)s::text[]) ORDER BY id FOR SHARE"
_TAKE = f"""
    UPDATE perdure.partition AS held SET owner = %(node)s, epoch = held.epoch + 1 FROM {rows_of(_SEEN)}
    WHERE {_AS_SEEN} AND NOT EXISTS (
        SELECT FROM perdure.node WHERE id = held.owner AND lease_until > clock_timestamp()
    )
    RETURNING held.partition, held.epoch
"""
# A node that is stopped in the middle of a transaction holds its row for as long as it is stopped: what the server has
# of a pipeline, it does not count as idle. Sessions of one user may end each other. xmax is who has the row locked.
_END_STUCK = """
    SELECT pg_terminate_backend(holder.pid) FROM perdure.writer AS held
    JOIN pg_locks AS holder ON holder.locktype = 'transactionid' AND holder.granted AND holder.transactionid = held.xmax
    WHERE held.node = ANY(%(nodes)s::text[]) AND NOT EXISTS (
        SELECT FROM perdure.node WHERE id = held.node AND lease_until > clock_timestamp()
    )
"""
# Who is to get partitions may have left: nobody owns them then.
_GIVE = f"""
    UPDATE perdure.partition AS held SET owner = coalesce((SELECT id FROM perdure.node WHERE id = %(to)s), ''),
        epoch = held.epoch + 1
    FROM {rows_of(_SEEN)} WHERE {_AS_SEEN}
"""
_LOCK_OWN = "SELECT FROM perdure.partition WHERE owner = %(node)s ORDER BY partition FOR UPDATE"
_FREE_OWN = "UPDATE perdure.partition SET owner = '', epoch = epoch + 1 WHERE owner = %(node)s"
_LEAVE = "DELETE FROM perdure.node WHERE id = %(node)s"


class PostgresCluster:
    """One node's sight of a cluster, as ``storage.cluster.Cluster`` says, over a connection of its own.

    The tables must be there: a ``PostgresStorage`` makes them.
    """

    def __init__(self, url: str, node_id: str, address: str, lease_s: float) -> None:
        """Connects when it is first asked. Raises StorageFailure where the URL is none."""
        where = Address(url)
        self.name = where.name
        self._link = Link(where)
        self._node_id = node_id
        self._address = address
        self._lease_s = lease_s
        self._closed = False

    def look(self, draining: bool = False) -> Snapshot:
        node: Parameters = {
            "node": self._node_id,
            "address": self._address,
            "lease_s": self._lease_s,
            "draining": draining,
        }
        renewing = [(_RENEW, node), (_BEGIN_WRITER, self._node), (_FORGET_DEAD, self._node), (_SNAPSHOT, {})]
        return _snapshot(self._transact("renewing the lease", renewing))

    def read(self) -> Snapshot:
        return _snapshot(self._transact("looking at the cluster", [(_SNAPSHOT, {})]))

    def take(self, seen: Mapping[int, Holding]) -> dict[int, int]:
        partitions = _seen(seen)
        owners = ownership.names({held.owner for held in seen.values()} - {""})
        taking = [
            (_LOCK_SEEN, partitions),
            (_LOCK_NODES, owners),
            (LOCK_WRITERS, owners),
            (_TAKE, {**partitions, **self._node}),
        ]
        try:
            rows = self._transact("taking partitions", taking)
        except StorageFailure as failed:
            if isinstance(failed.__cause__, LockNotAvailable):
                # What hangs belongs to a node without a lease: its transaction ends, and the next try succeeds.
                with suppress(StorageFailure):
                    self._transact("ending a transaction that hangs", [(_END_STUCK, owners)])
            raise
        return {int(partition): int(epoch) for partition, epoch in sorted(rows)}

    def give(self, partitions: Mapping[int, int], to: str) -> None:
        given = _seen({partition: Holding(self._node_id, epoch) for partition, epoch in partitions.items()})
        self._transact(
            "giving partitions",
            [
                (_LOCK_SEEN, given),
                (_LOCK_NODES, ownership.names([to])),
                (LOCK_WRITERS, ownership.names([self._node_id])),
                (_GIVE, {**given, "to": to}),
            ],
        )

    def leave(self) -> None:
        own = ownership.names([self._node_id])
        self._transact(
            "leaving the cluster",
            [(_LOCK_OWN, self._node), (_LEAVE, self._node), (LOCK_WRITERS, own), (_FREE_OWN, self._node)],
        )

    def close(self) -> None:
        self._closed = True
        self._link.close()

    @property
    def _node(self) -> Parameters:
        return {"node": self._node_id}

    def _transact(self, doing: str, statements: Sequence[tuple[str, Parameters]]) -> list[TupleRow]:
        if self._closed:
            raise StorageFailure(f"{doing} failed: the connection of node {self._node_id} to {self.name} is closed")
        transaction = [ownership.settings(LOCK_TIMEOUT), *statements]
        try:
            # Each may be done twice: what was done the first time is found as it is.
            return self._link.use(lambda _: self._link.transact(transaction))
        except psycopg.Error as error:
            raise failure(doing, self.name, error) from error


def _seen(partitions: Mapping[int, Holding]) -> Parameters:
    holdings = partitions.values()
    return {
        "partition": PARTITION.array(list(partitions)),
        "owner": TEXT.array([held.owner for held in holdings]),
        "epoch": INTEGER.array([held.epoch for held in holdings]),
    }


def _snapshot(rows: Iterable[TupleRow]) -> Snapshot:
    nodes: dict[str, NodeRow] = {}
    partitions: dict[int, Holding] = {}
    for partition, epoch, id, address, draining, left_s in rows:
        if partition is None:
            nodes[id] = NodeRow(id, address, left_s, draining)
        else:
            partitions[partition] = Holding(id, epoch)
    return Snapshot(nodes, partitions)
