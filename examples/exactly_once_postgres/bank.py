"""A bank whose accounts are a table in a PostgreSQL database."""

from collections.abc import Mapping
from uuid import UUID

import perdure
import psycopg
from psycopg.rows import TupleRow

from examples.exactly_once_postgres.once import SCHEMA, once

TABLES = "CREATE TABLE IF NOT EXISTS account (name text PRIMARY KEY, cents bigint NOT NULL CHECK (cents >= 0))"


class Bank:
    """Opens a connection for each transfer; a service with many of them has a pool."""

    def __init__(self, url: str) -> None:
        """Of the database at this URL."""
        self._url = url

    def open(self, accounts: Mapping[str, int]) -> None:
        """Makes the tables, and accounts with so many cents each."""
        with psycopg.connect(self._url) as connection:
            connection.execute(TABLES)
            connection.execute(SCHEMA)
            for name, cents in accounts.items():
                connection.execute("INSERT INTO account VALUES (%s, %s)", [name, cents])

    def accounts(self) -> dict[str, int]:
        """What everybody has."""
        with psycopg.connect(self._url) as connection:
            return dict(connection.execute("SELECT name, cents FROM account ORDER BY name"))

    def transfer(self, key: UUID, source: str, target: str, cents: int) -> int:
        """Moves money, once for a key, and gives what is left at the source."""
        # The block is one transaction: it commits at its end, and rolls back on an error.
        with psycopg.connect(self._url) as connection:
            return once(connection, key, lambda: _move(connection, source, target, cents))


def _move(connection: psycopg.Connection[TupleRow], source: str, target: str, cents: int) -> int:
    take = "UPDATE account SET cents = cents - %s WHERE name = %s AND cents >= %s RETURNING cents"
    left = connection.execute(take, [cents, source, cents]).fetchone()
    if left is None:
        raise perdure.TerminalError(f"{source} has no {cents} cents", code=perdure.StatusCode.FAILED_PRECONDITION)
    given = connection.execute("UPDATE account SET cents = cents + %s WHERE name = %s", [cents, target])
    if given.rowcount == 0:
        raise perdure.TerminalError(f"there is no account {target}", code=perdure.StatusCode.NOT_FOUND)
    remaining: int = left[0]
    return remaining
