"""Connections that come back after they were lost, and transactions of one round trip."""

import os
import socket
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event, Thread
from typing import TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.postgres.statements import Parameters
from perdure_runtime.storage.postgres.values import adapt

T = TypeVar("T")

# The loop's thread waits for reads: a server whose machine vanished must not hold it up for the quarter of an hour
# that TCP would try. What a URL says comes first.
DEFAULTS: dict[str, str | int] = {
    "application_name": "perdure",
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class Address:
    """Where a database is: for libpq with all that a URL says, for people without its password."""

    def __init__(self, url: str) -> None:
        """Raises StorageFailure where it is no address."""
        try:
            said = conninfo_to_dict(url)
            self.conninfo = make_conninfo("", **{**DEFAULTS, **said})
        except psycopg.Error:
            # libpq repeats what it was given, and with it a password.
            raise StorageFailure(
                "this is no address of a PostgreSQL database: write postgresql://USER@HOST:PORT/DATABASE"
            ) from None
        where = f"{said.get('host') or 'localhost'}:{said.get('port') or 5432}"
        self.name = f"postgresql://{where}/{said.get('dbname') or said.get('user') or ''}"


class Link:
    """One connection, opened when it is needed and again when it was lost."""

    def __init__(self, address: Address, patience_s: float | None = None) -> None:
        """With ``patience_s``, ``use`` waits no longer for an answer."""
        self._address = address
        self._watch = _Watch(patience_s) if patience_s is not None else None
        self._connection: psycopg.Connection[TupleRow] | None = None
        # It never opens again after ``close``.
        self.is_closed = False

    @property
    def is_open(self) -> bool:
        """False once the connection was lost, until the next call of ``connection``."""
        return self._connection is not None and not self._connection.closed

    def connection(self) -> psycopg.Connection[TupleRow]:
        """The connection, each statement a transaction unless one is begun. Raises psycopg.Error."""
        if self._connection is None or self._connection.closed:
            # Statements that are prepared belong to a session, and a pooler gives each transaction another one.
            self._connection = psycopg.connect(self._address.conninfo, autocommit=True, prepare_threshold=None)
            adapt(self._connection)
        return self._connection

    def use(self, do: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        """Does what may be done twice: again, with a new connection, where the one from before turns out to be lost.

        Raises psycopg.Error.
        """
        was_open = self.is_open
        try:
            return self._do(do)
        except psycopg.Error:
            if not was_open or self.is_open:
                raise
        return self._do(do)

    def transact(self, statements: Iterable[tuple[str, Parameters]]) -> list[TupleRow]:
        """Executes statements as one transaction, in one round trip; gives the rows of the last one.

        Raises psycopg.Error. Then nothing was kept, unless the connection was lost: then nobody here can say.
        """
        connection = self.connection()
        try:
            with connection.pipeline():
                # A waiting statement must see what it waited for, whatever the default is here.
                connection.execute("BEGIN ISOLATION LEVEL READ COMMITTED")
                for sql, parameters in statements:
                    said = connection.execute(sql, parameters, binary=True)
                connection.execute("COMMIT")
            return said.fetchall() if said.description else []
        except BaseException:
            self._roll_back(connection)
            raise

    def close(self) -> None:
        """Closes the connection for good; a transaction that is open is lost."""
        self.is_closed = True
        if self._watch is not None:
            self._watch.close()
        if self._connection is not None:
            self._connection.close()

    def _do(self, do: Callable[[psycopg.Connection[TupleRow]], T]) -> T:
        connection = self.connection()
        if self._watch is None:
            return do(connection)
        self._watch.waits = time.monotonic(), connection
        try:
            return do(connection)
        finally:
            self._watch.waits = None

    def _roll_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        try:
            connection.rollback()
        except psycopg.Error:
            # The error that led here is the one to report. Whatever state this connection is in, it is the last of it.
            connection.close()


class _Watch:
    """Cuts the connection of who has waited on it for too long.

    The kernel notices a machine that is gone; a server that hangs, or whatever stands before it, keeps TCP going.
    """

    def __init__(self, patience_s: float) -> None:
        # Since when somebody waits, and on which connection.
        self.waits: tuple[float, psycopg.Connection[TupleRow]] | None = None
        self._patience_s = patience_s
        self._closed = Event()
        Thread(target=self._run, name="perdure-watch", daemon=True).start()

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()

    def _run(self) -> None:
        while not self._closed.wait(self._patience_s / 4):
            waits = self.waits
            if waits is not None and time.monotonic() - waits[0] > self._patience_s:
                _cut(waits[1])


def _cut(connection: psycopg.Connection[TupleRow]) -> None:
    # It may have been closed just now; the one who waits finds out what is left of it.
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as cut:
        cut.shutdown(socket.SHUT_RDWR)
