"""The row of a partition: who owns it, and which batch of the owner's was the last to be kept.

Every batch writes its number there, under the owner's epoch and above all earlier numbers, or fails. That fences two
sorts of late writers: a node that another one has succeeded, and a batch of our own whose connection was lost with its
fate unknown, which a server may yet execute. Writing the row also locks it until the transaction ends, so that nobody
can take the partition in the middle of a commit.
"""

from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.storage.postgres.statements import Parameters

# A server may take long to find out that a client has gone in the middle of a commit.
LOCK_TIMEOUT = "10s"

_TAKE = """
    INSERT INTO perdure.partition AS held (partition, epoch, batch) VALUES (%(partition)s, 1, 0)
    ON CONFLICT (partition) DO UPDATE SET epoch = held.epoch + 1, batch = 0 RETURNING epoch
"""
# A server that does not wait for its disk by default does so for us: acknowledged work survives the loss of power.
_NEXT_BATCH = """
    WITH owner AS (
        UPDATE perdure.partition SET batch = %(batch)s
        WHERE partition = %(partition)s AND epoch = %(epoch)s AND batch < %(batch)s RETURNING 1
    )
    SELECT perdure.require(EXISTS (SELECT FROM owner), 'the partition was taken'),
        CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
"""
_STILL_OURS = """
    SELECT perdure.require(count(*) = 1, 'the partition was taken'),
        CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END
    FROM (
        SELECT FROM perdure.partition WHERE partition = %(partition)s AND epoch = %(epoch)s FOR SHARE
    ) AS owner
"""
_FENCE = """
    UPDATE perdure.partition SET batch = %(batch)s + 1
    WHERE partition = %(partition)s AND epoch = %(epoch)s AND batch < %(batch)s
"""
_LAST = "SELECT epoch, batch FROM perdure.partition WHERE partition = %(partition)s"


def take(connection: Connection[TupleRow], partition: int) -> int:
    """A new epoch, durable. Waits for a commit under way. Raises psycopg.Error."""
    with connection.transaction():
        _wait_no_longer(connection)
        connection.execute("SET LOCAL synchronous_commit = on")
        (epoch,) = connection.execute(_TAKE, {"partition": partition}).fetchall()[0]
    return int(epoch)


def next_batch(partition: int, epoch: int, batch: int) -> tuple[str, Parameters]:
    """The first statement of a batch: fails unless its epoch and its number are those that are due."""
    return _NEXT_BATCH, {"partition": partition, "epoch": epoch, "batch": batch}


def still_ours(partition: int, epoch: int) -> tuple[str, Parameters]:
    """The first statement of what is written beside batches: fails unless the epoch is the owner's."""
    return _STILL_OURS, {"partition": partition, "epoch": epoch}


def was_kept(connection: Connection[TupleRow], partition: int, epoch: int, batch: int) -> bool:
    """Whether a batch was kept whose connection was lost; one that was not can never be any more. Raises psycopg.Error.

    Waits for the transaction of that batch, if the server still executes it.
    """
    with connection.transaction():
        _wait_no_longer(connection)
        connection.execute(_FENCE, {"partition": partition, "epoch": epoch, "batch": batch})
    return stored(connection, partition) == (epoch, batch)


def stored(connection: Connection[TupleRow], partition: int) -> tuple[int, int]:
    """The epoch of whoever owns the partition, and the number of its last batch. Raises psycopg.Error."""
    row = connection.execute(_LAST, {"partition": partition}).fetchone()
    return (int(row[0]), int(row[1])) if row is not None else (0, 0)


def _wait_no_longer(connection: Connection[TupleRow]) -> None:
    """Rather than hang with whoever holds the row, the transaction that is open fails."""
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
