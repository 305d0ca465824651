"""Once: an effect on a PostgreSQL database that a step has exactly once, however often the step runs.

A step runs again when its process dies between the effect and the journal entry. So the effect and a row that names the
step are committed together, in your own transaction: the second run finds the row, and changes nothing.
"""

from collections.abc import Callable
from uuid import UUID

from psycopg import Connection
from psycopg.rows import TupleRow

SCHEMA = "CREATE TABLE IF NOT EXISTS effect (key uuid PRIMARY KEY, result bigint)"


def once(connection: Connection[TupleRow], key: UUID, effect: Callable[[], int]) -> int:
    """What an effect gives, or gave when it took place.

    Args:
        connection: In a transaction, which the caller commits.
        key: The same for each run of a step: one of ``ctx.uuid4()``.
        effect: Changes the database through the same connection. An error of it takes the row back with all else.
    """
    # Two runs at once are possible too: of a process that hangs, and of the one that took over. The later one waits
    # here until the other commits.
    claim = connection.execute("INSERT INTO effect (key) VALUES (%s) ON CONFLICT DO NOTHING", [key])
    if claim.rowcount == 1:
        result = effect()
        connection.execute("UPDATE effect SET result = %s WHERE key = %s", [result, key])
        return result
    row = connection.execute("SELECT result FROM effect WHERE key = %s", [key]).fetchone()
    assert row is not None  # Nobody deletes rows of steps that may still run.
    (earlier,) = row
    assert isinstance(earlier, int)
    return earlier
