"""The tables, how a file comes to its newest version, and which files are refused.

All keys are natural and all tables but one are WITHOUT ROWID: a row is one entry of one tree, and rows of one
invocation or object lie together. Indexes are partial, so that a row pays only for the list it stands in.
"""

import sqlite3
from pathlib import Path

from perdure_runtime.storage.api import StorageForeign

# Statements by version: a file of version n gets all from place n on. What has been released is never edited.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE partition (id INTEGER PRIMARY KEY, epoch INTEGER NOT NULL) STRICT",
        "INSERT INTO partition (id, epoch) VALUES (0, 0)",
        # status is one of: scheduled queued running suspended backing_off paused ended. Each has its own columns and
        # leaves those of the others NULL. outcome_code is 0 for a value, else the gRPC status of the terminal error.
        """
        CREATE TABLE invocation (
            id TEXT NOT NULL PRIMARY KEY,
            service TEXT NOT NULL,
            handler TEXT NOT NULL,
            key TEXT NOT NULL,
            exclusive INTEGER NOT NULL,
            idempotency_key TEXT NOT NULL,
            created_at_ms INTEGER NOT NULL,
            headers TEXT,
            caller_id TEXT,
            caller_command INTEGER,
            attempt INTEGER NOT NULL,
            failures INTEGER NOT NULL,
            last_error TEXT NOT NULL,
            status TEXT NOT NULL,
            due_ms INTEGER,
            inbox_seq INTEGER,
            awaiting TEXT,
            outcome_code INTEGER,
            outcome BLOB,
            ended_at_ms INTEGER,
            retain_until_ms INTEGER,
            input BLOB
        ) STRICT, WITHOUT ROWID
        """,
        "CREATE INDEX invocation_running ON invocation (id) WHERE status = 'running'",
        "CREATE INDEX invocation_retention ON invocation (retain_until_ms) WHERE retain_until_ms IS NOT NULL",
        # SQLite writes a whole row again when one column changes: long inputs stay out of rows that will change.
        """
        CREATE TABLE long_input (
            invocation_id TEXT NOT NULL PRIMARY KEY,
            input BLOB NOT NULL
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE journal_entry (
            invocation_id TEXT NOT NULL,
            position INTEGER NOT NULL,
            kind TEXT NOT NULL,
            entry BLOB NOT NULL,
            PRIMARY KEY (invocation_id, position)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE listener (
            invocation_id TEXT NOT NULL,
            caller_id TEXT NOT NULL,
            caller_command INTEGER NOT NULL,
            PRIMARY KEY (invocation_id, caller_id, caller_command)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE object (
            service TEXT NOT NULL,
            key TEXT NOT NULL,
            holder TEXT NOT NULL,
            head INTEGER NOT NULL,
            tail INTEGER NOT NULL,
            PRIMARY KEY (service, key)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE inbox (
            service TEXT NOT NULL,
            key TEXT NOT NULL,
            seq INTEGER NOT NULL,
            invocation_id TEXT NOT NULL,
            PRIMARY KEY (service, key, seq)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE state (
            service TEXT NOT NULL,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            value BLOB NOT NULL,
            PRIMARY KEY (service, key, name)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE idempotency (
            service TEXT NOT NULL,
            handler TEXT NOT NULL,
            key TEXT NOT NULL,
            idempotency_key TEXT NOT NULL,
            invocation_id TEXT NOT NULL,
            PRIMARY KEY (service, handler, key, idempotency_key)
        ) STRICT, WITHOUT ROWID
        """,
        # number is the command of a wake, the attempt of a retry, and 0 for a start.
        """
        CREATE TABLE timer (
            due_ms INTEGER NOT NULL,
            invocation_id TEXT NOT NULL,
            purpose TEXT NOT NULL,
            number INTEGER NOT NULL,
            PRIMARY KEY (due_ms, invocation_id, purpose, number)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE deployment (
            id TEXT NOT NULL PRIMARY KEY,
            address TEXT NOT NULL,
            services TEXT NOT NULL,
            created_at_ms INTEGER NOT NULL,
            descriptors BLOB NOT NULL
        ) STRICT
        """,
    ),
    (
        "ALTER TABLE invocation ADD COLUMN once INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE invocation ADD COLUMN explicit_cancellation INTEGER NOT NULL DEFAULT 0",
        # For an end that no attempt brings about. Rows of version 1 get what was the default then.
        "ALTER TABLE invocation ADD COLUMN outcome_retention_ms INTEGER NOT NULL DEFAULT 86400000",
        "ALTER TABLE invocation ADD COLUMN journal_retention_ms INTEGER NOT NULL DEFAULT 86400000",
        # 0: nobody has cancelled it; 1: what it has called is being cancelled first; 2: it stands in its journal.
        "ALTER TABLE invocation ADD COLUMN cancel INTEGER NOT NULL DEFAULT 0",
        # The deployment that wrote its journal.
        "ALTER TABLE invocation ADD COLUMN deployment_id TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX invocation_deployment ON invocation (deployment_id, id)"
        " WHERE deployment_id != '' AND status != 'ended'",
        # How many of what it has called have yet to end, while it is being cancelled.
        "ALTER TABLE invocation ADD COLUMN callees INTEGER NOT NULL DEFAULT 0",
        # Of an ended invocation: how long its outcome and its journal are kept; retain_until_ms is the next of both.
        "ALTER TABLE invocation ADD COLUMN outcome_until_ms INTEGER",
        "ALTER TABLE invocation ADD COLUMN journal_until_ms INTEGER",
        "UPDATE invocation SET outcome_until_ms = retain_until_ms, journal_until_ms = retain_until_ms",
        # waiting is JSON: pairs of invocation and command. A promise with a result has none.
        """
        CREATE TABLE promise (
            service TEXT NOT NULL,
            key TEXT NOT NULL,
            name TEXT NOT NULL,
            result BLOB,
            waiting TEXT,
            PRIMARY KEY (service, key, name)
        ) STRICT, WITHOUT ROWID
        """,
    ),
)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Brings a file of this version to the newest one. Raises sqlite3.Error.

    A crash or a full disk in between leaves the file as it was.
    """
    if version == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version == 0:
            connection.execute("CREATE TABLE perdure_schema (version INTEGER NOT NULL) STRICT")
            connection.execute("INSERT INTO perdure_schema (version) VALUES (0)")
        for statements in MIGRATIONS[version:]:
            for statement in statements:
                connection.execute(statement)
        connection.execute("UPDATE perdure_schema SET version = ?", (len(MIGRATIONS),))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """The version of a file's tables, 0 where it is empty. Raises StorageForeign, sqlite3.Error."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()}
    if not tables:
        return 0
    if "perdure_schema" not in tables:
        raise StorageForeign(
            f"{path} is a database of another program: it has the table {min(tables)!r} but none of perdure's; "
            "name another file or directory for perdure's data"
        )
    row = connection.execute("SELECT version FROM perdure_schema").fetchone()
    version = int(row[0]) if row is not None else 0
    if not 0 < version <= len(MIGRATIONS):
        raise StorageForeign(
            f"{path} has tables of version {version}, this perdure knows versions 1 to {len(MIGRATIONS)}; "
            "run the perdure that wrote it, or a newer one"
        )
    return version
