"""Who may write: the row of a node, with the number of its last batch, and the epochs of partitions.

Every batch first writes its number into the row of its node, above all earlier numbers, or fails. That fences batches
of our own whose connection was lost with their fate unknown, which a server may yet execute. It also locks that row
until the transaction ends, and whoever takes partitions of a node locks it too: so nobody takes them in the middle of a
commit. Only then, in a statement that sees all that was committed before it got the lock, a batch requires that the
partitions which it touches have the epochs that its node owns them under.

Locks are taken in one order everywhere: partitions, nodes, writers; rows of each by their number or id.
"""

from collections.abc import Collection, Mapping, Sequence

from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.storage.postgres.statements import Columns, Parameters, rows_of
from perdure_runtime.storage.postgres.values import INTEGER, PARTITION, TEXT

# A server may take long to find out that a client has gone in the middle of a commit.
LOCK_TIMEOUT = "10s"
# A node that is stopped in the middle of a transaction must not hold its rows for ever.
IDLE_TIMEOUT = "5s"
# The upper half of a batch's number counts how often its node was started, and the lower half counts its batches: an
# older process of this node, should it still run, can write nothing any more.
_STARTS = 32

_DUE: Columns = {"partition": PARTITION, "epoch": INTEGER}
_LOCAL = f"""
    set_config('idle_in_transaction_session_timeout', '{IDLE_TIMEOUT}', true),
    CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""
# A server that does not wait for its disk by default does so for us: acknowledged work survives the loss of power.
_SETTINGS = f"SELECT set_config('lock_timeout', %(lock_timeout)s, true), {_LOCAL}"
_BEGIN_WRITER = f"""
    INSERT INTO perdure.writer AS held (node, batch) VALUES (%(node)s, 0)
    ON CONFLICT (node) DO UPDATE SET batch = (held.batch >> {_STARTS}) + 1 << {_STARTS} RETURNING batch
"""
_NEXT_BATCH = f"""
    WITH writer AS (
        UPDATE perdure.writer SET batch = %(batch)s WHERE node = %(node)s AND batch < %(batch)s RETURNING 1
    )
    SELECT perdure.require(EXISTS (SELECT FROM writer), 'another process writes for this node'), {_LOCAL}
"""
_REQUIRE = f"""
    SELECT perdure.require(count(*) = %(rows)s, 'partitions were taken')
    FROM {rows_of(_DUE)} JOIN perdure.partition AS held USING (partition, epoch)
"""
_FENCE = "UPDATE perdure.writer SET batch = %(batch)s + 1 WHERE node = %(node)s AND batch < %(batch)s"
_LAST = "SELECT batch FROM perdure.writer WHERE node = %(node)s"
_EPOCHS = "SELECT partition, epoch FROM perdure.partition WHERE partition = ANY(%(partitions)s::integer[])"
_LOCK_ALL = "SELECT FROM perdure.partition ORDER BY partition FOR UPDATE"
_LOCK_OWNERS = """
    SELECT FROM perdure.writer WHERE node IN (SELECT owner FROM perdure.partition) ORDER BY node FOR UPDATE
"""
_TAKE_ALL = """
    UPDATE perdure.partition SET owner = %(node)s, epoch = epoch + 1 RETURNING partition, epoch
"""
LOCK_WRITERS = "SELECT FROM perdure.writer WHERE node = ANY(%(nodes)s::text[]) ORDER BY node FOR UPDATE"


def settings(lock_timeout: str | None = None) -> tuple[str, Parameters]:
    """The first statement of what is no batch: it is durable, and neither waits nor keeps others waiting for ever."""
    return _SETTINGS, {"lock_timeout": lock_timeout or LOCK_TIMEOUT}


def names(nodes: Collection[str]) -> Parameters:
    """The parameter ``nodes``."""
    return {"nodes": TEXT.array(sorted(nodes))}


def beginning(node: str) -> Sequence[tuple[str, Parameters]]:
    """The transaction of a process that begins to write for a node; it says the number of the last batch before."""
    return [settings(), (_BEGIN_WRITER, {"node": node})]


def taking_all(node: str) -> Sequence[tuple[str, Parameters]]:
    """The transaction that takes all partitions, whoever owns them. Waits for commits under way."""
    return [settings(), (_LOCK_ALL, {}), (_LOCK_OWNERS, {}), (_TAKE_ALL, {"node": node})]


def batch(node: str, number: int, epochs: Mapping[int, int]) -> Sequence[tuple[str, Parameters]]:
    """The first statements of a batch: they fail unless its number and the epochs are those that are due."""
    numbered: tuple[str, Parameters] = (_NEXT_BATCH, {"batch": number, "node": node})
    if not epochs:
        return [numbered]
    arrays = {"partition": PARTITION.array(list(epochs)), "epoch": INTEGER.array(list(epochs.values()))}
    return [numbered, (_REQUIRE, {"rows": len(epochs), **arrays})]


def was_kept(connection: Connection[TupleRow], node: str, number: int) -> bool:
    """Whether a batch was kept whose connection was lost; one that was not can never be any more. Raises psycopg.Error.

    Waits for the transaction of that batch, if the server still executes it.
    """
    with connection.transaction():
        connection.execute(*settings())
        connection.execute(_FENCE, {"node": node, "batch": number})
    return last(connection, node) == number


def last(connection: Connection[TupleRow], node: str) -> int | None:
    """The number of a node's last batch; None where the node is not known. Raises psycopg.Error."""
    row = connection.execute(_LAST, {"node": node}).fetchone()
    return int(row[0]) if row is not None else None


def lost(connection: Connection[TupleRow], epochs: Mapping[int, int]) -> list[int]:
    """Those of these partitions that have other epochs. Raises psycopg.Error."""
    rows = connection.execute(_EPOCHS, {"partitions": PARTITION.array(list(epochs))}).fetchall()
    stored = {int(partition): int(epoch) for partition, epoch in rows}
    return [partition for partition, epoch in epochs.items() if stored.get(partition) != epoch]
