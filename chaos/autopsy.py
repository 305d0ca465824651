"""What the database held when something hung: all tables, for people who want to know why."""

from pathlib import Path

import psycopg
from psycopg import sql

from chaos.database import Database

SCHEMA = "perdure"


def keep_tables(database: Database, directory: Path) -> None:
    """Writes each table into a file of its own, with the names of its columns."""
    directory.mkdir(exist_ok=True)
    with psycopg.connect(database.url(database.port)) as connection:
        named = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", (SCHEMA,)).fetchall()
        for (table,) in named:
            copy = sql.SQL("COPY {} TO STDOUT WITH (FORMAT csv, HEADER)").format(sql.Identifier(SCHEMA, table))
            with (directory / f"{table}.csv").open("wb") as file, connection.cursor().copy(copy) as rows:
                for row in rows:
                    file.write(row)
