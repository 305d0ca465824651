"""The tables, how a file comes to its newest version, and which files are refused.

All keys are natural and all tables but one are WITHOUT ROWID: a row is one entry of one tree, and rows of one
invocation or object lie together. Indexes are partial, so that a row pays only for the list it stands in.
"""

import sqlite3
from dataclasses import dataclass
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
    (
        # How many partitions there are, in how many files, and which of them this one is: it has the partitions that
        # leave the rest ``file``. Who writes in the file has all of them, under the one epoch of table partition.
        "CREATE TABLE cluster (partitions INTEGER NOT NULL, files INTEGER NOT NULL, file INTEGER NOT NULL) STRICT",
        "INSERT INTO cluster (partitions, files, file) VALUES (1, 1, 0)",
        # The version of perdure that the endpoint runs.
        "ALTER TABLE deployment ADD COLUMN sdk_version TEXT NOT NULL DEFAULT ''",
        # Results that a cancelled invocation is yet to be given.
        """
        CREATE TABLE held_result (
            invocation_id TEXT NOT NULL,
            command INTEGER NOT NULL,
            outcome BLOB NOT NULL,
            PRIMARY KEY (invocation_id, command)
        ) STRICT, WITHOUT ROWID
        """,
        # From one partition to another: the number of the last message sent, and of the last that is known to be there.
        """
        CREATE TABLE channel (
            source INTEGER NOT NULL,
            destination INTEGER NOT NULL,
            sent INTEGER NOT NULL,
            acknowledged INTEGER NOT NULL,
            PRIMARY KEY (source, destination)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE outbox (
            source INTEGER NOT NULL,
            destination INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            message BLOB NOT NULL,
            PRIMARY KEY (source, destination, seq)
        ) STRICT, WITHOUT ROWID
        """,
        """
        CREATE TABLE received (
            source INTEGER NOT NULL,
            destination INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            PRIMARY KEY (source, destination)
        ) STRICT, WITHOUT ROWID
        """,
    ),
    (
        # How far each source has come in each partition: what it brings again is not beyond its position.
        """
        CREATE TABLE mark (
            partition INTEGER NOT NULL,
            source TEXT NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (partition, source)
        ) STRICT, WITHOUT ROWID
        """,
        # What operators have defined, by kind: content is a message of the admin API.
        """
        CREATE TABLE definition (
            kind TEXT NOT NULL,
            name TEXT NOT NULL,
            content BLOB NOT NULL,
            PRIMARY KEY (kind, name)
        ) STRICT
        """,
        "CREATE INDEX journal_entry_awakeable ON journal_entry (invocation_id, position) WHERE kind = 'awakeable'",
    ),
)
# From this version on a file says what part of a cluster it is; any before is all of one.
_SAYS_ITS_PART = 3


@dataclass(frozen=True, slots=True)
class Part:
    """What part of a cluster a file is: number ``file`` of ``files``, and how many partitions there are in all."""

    partitions: int = 1
    files: int = 1
    file: int = 0

    def __str__(self) -> str:
        return f"file {self.file} of {self.files} for {self.partitions} partitions"


def migrate(connection: sqlite3.Connection, version: int, part: Part) -> None:
    """Brings a file of this version to the newest one; a new file becomes this part. Raises sqlite3.Error.

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
        if version == 0:
            connection.execute(
                "UPDATE cluster SET partitions = ?, files = ?, file = ?", (part.partitions, part.files, part.file)
            )
        connection.execute("UPDATE perdure_schema SET version = ?", (len(MIGRATIONS),))
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def refuse_other_part(connection: sqlite3.Connection, version: int, path: Path, part: Part) -> None:
    """Raises StorageForeign where a file is another part, or one of a cluster of another size; sqlite3.Error."""
    found = part_of(connection, version)
    if version > 0 and found != part:
        raise StorageForeign(
            f"{path} was made as {found}, and cannot become {part}: start as many workers over it as it was made for, "
            "or name another directory for new data"
        )


def part_of(connection: sqlite3.Connection, version: int) -> Part:
    """What part of a cluster a file of this version is. Raises sqlite3.Error."""
    if version < _SAYS_ITS_PART:
        return Part()
    return Part(*connection.execute("SELECT partitions, files, file FROM cluster").fetchone())


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
