"""How a database comes to the newest version of its tables, and which databases are refused."""

from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import TupleRow

from perdure_runtime.storage.api import StorageFailure, StorageForeign
from perdure_runtime.storage.postgres.migrations import MIGRATIONS

SCHEMA = "perdure"
# The number of the lock that nodes take to change tables, one after another: the letters of perdure.
LOCK = int.from_bytes(b"perdure", "big")

# So many partitions has a cluster that nobody said a number for.
PARTITIONS = 64


@dataclass(frozen=True, slots=True)
class Part:
    """What part of a cluster a database is: number ``database`` of ``databases``, and how many partitions there are."""

    partitions: int
    databases: int
    database: int

    def __str__(self) -> str:
        return f"database {self.database} of {self.databases} for {self.partitions} partitions"


def prepare(
    connection: Connection[TupleRow], place: str, partitions: int | None = None, databases: int = 1, database: int = 0
) -> Part:
    """Brings the tables to their newest version, and makes the partitions where there are none.

    Without a number of partitions it is what the database was made for, or 64. Raises StorageForeign where the database
    is another part of a cluster, or none of ours; StorageFailure, psycopg.Error. An error in between leaves it as it
    was.
    """
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StorageFailure(
            f"{place} holds text as {encoding}, perdure needs UTF8: make a database with `createdb --encoding UTF8`"
        )
    found = _part(connection) if _version(connection, place) == len(MIGRATIONS) else None
    if found is None:
        with connection.transaction():
            # Nodes that start together change tables one after another. The lock goes with the transaction.
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
            _migrate(connection, _version(connection, place))
            found = _part(connection)
            if found is None:
                found = Part(PARTITIONS if partitions is None else partitions, databases, database)
                _make(connection, found)
    asked = Part(found.partitions if partitions is None else partitions, databases, database)
    if found != asked:
        raise StorageForeign(
            f"{place} was made as {found}, and cannot become {asked}: name the databases in the order in which they "
            "were first named, and the number of partitions that they were made for, or name another database"
        )
    return found


def partitions_of(connection: Connection[TupleRow], place: str) -> int:
    """How many partitions the cluster of a database has. Raises StorageFailure where it is not of this version."""
    version = _version(connection, place)
    found = _part(connection) if version == len(MIGRATIONS) else None
    if found is None:
        raise StorageFailure(f"{place} has tables of version {version}, not {len(MIGRATIONS)}: start its node first")
    return found.partitions


def _migrate(connection: Connection[TupleRow], version: int) -> None:
    if version == len(MIGRATIONS):
        return
    if version == 0:
        _begin(connection)
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute("UPDATE perdure.perdure_schema SET version = %s", (len(MIGRATIONS),))


def _part(connection: Connection[TupleRow]) -> Part | None:
    """What part of a cluster a database was made as; None where nobody has said yet."""
    row = connection.execute("SELECT partitions, databases, database FROM perdure.cluster", binary=True).fetchone()
    return Part(*row) if row is not None else None


def _make(connection: Connection[TupleRow], part: Part) -> None:
    sizes = (part.partitions, part.databases, part.database)
    connection.execute("INSERT INTO perdure.cluster (partitions, databases, database) VALUES (%s, %s, %s)", sizes)
    connection.execute(
        "INSERT INTO perdure.partition (partition, epoch)"
        " SELECT number, 0 FROM generate_series(%s::integer, %s, %s) AS number",
        (part.database, part.partitions - 1, part.databases),
    )


def _begin(connection: Connection[TupleRow]) -> None:
    # Where somebody made the schema for us, we may not be allowed to.
    if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", (SCHEMA,)).fetchone() is None:
        connection.execute("CREATE SCHEMA perdure")
    connection.execute("CREATE TABLE perdure.perdure_schema (version integer NOT NULL)")
    connection.execute("INSERT INTO perdure.perdure_schema (version) VALUES (0)")


def _version(connection: Connection[TupleRow], place: str) -> int:
    """The version of the tables, 0 where there are none."""
    tables = [
        str(name)
        for (name,) in connection.execute(
            "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace(%s)"
            " AND relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY relname",
            (SCHEMA,),
            binary=True,
        ).fetchall()
    ]
    if not tables:
        return 0
    if "perdure_schema" not in tables:
        raise StorageForeign(
            f"the schema {SCHEMA} of {place} belongs to another program: it has {tables[0]!r} but none of perdure's "
            "tables; name another database"
        )
    row = connection.execute("SELECT version FROM perdure.perdure_schema", binary=True).fetchone()
    version = int(row[0]) if row is not None else 0
    if not 0 < version <= len(MIGRATIONS):
        raise StorageForeign(
            f"{place} has tables of version {version}, this perdure knows versions 1 to {len(MIGRATIONS)}; "
            "run the perdure that wrote it, or a newer one"
        )
    return version
