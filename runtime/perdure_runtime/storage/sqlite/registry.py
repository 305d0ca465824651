"""The deployments and definitions of a file, for its own worker and for the others of this machine."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perdure_runtime.storage.api import DeploymentRow, StorageFailure
from perdure_runtime.storage.sqlite.connection import configure, connect
from perdure_runtime.storage.sqlite.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.sqlite.schema import MIGRATIONS, version_of

_SELECT = """
    SELECT id, address, services, descriptors, created_at_ms, sdk_version FROM deployment ORDER BY created_at_ms, id
"""
_INSERT = """
    INSERT INTO deployment (id, address, services, descriptors, created_at_ms, sdk_version) VALUES (?, ?, ?, ?, ?, ?)
"""
_DELETE = "DELETE FROM deployment WHERE id = ?"
_MOVE = "UPDATE deployment SET address = ? WHERE id = ? AND address = ?"
_DEFINITIONS = "SELECT name, content FROM definition WHERE kind = ? ORDER BY name"
_DEFINE = "INSERT OR REPLACE INTO definition (kind, name, content) VALUES (?, ?, ?)"
_UNDEFINE = "DELETE FROM definition WHERE kind = ? AND name = ?"


class SqliteRegistry:
    """Deployments and definitions, as ``storage.api.Registry`` says. They are seldom asked for: each time over a
    connection of its own, beside that of whoever has the lock of the file."""

    def __init__(self, path: Path) -> None:
        """The file is that of worker 0, who makes it: until then all methods raise StorageFailure."""
        self.path = path.resolve()

    def deployments(self) -> list[DeploymentRow]:
        with self._open("reading deployments") as connection:
            return [
                DeploymentRow(id, address, tuple(json.loads(services)), *rest)
                for id, address, services, *rest in connection.execute(_SELECT).fetchall()
            ]

    def add_deployment(self, deployment: DeploymentRow) -> None:
        row = (
            deployment.id,
            deployment.address,
            json.dumps(deployment.services),
            deployment.descriptors,
            deployment.created_at_ms,
            deployment.sdk_version,
        )
        with self._open("adding a deployment") as connection:
            connection.execute(_INSERT, row)

    def remove_deployment(self, deployment_id: str) -> None:
        with self._open("removing a deployment") as connection:
            connection.execute(_DELETE, (deployment_id,))

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        with self._open("moving a deployment") as connection:
            return connection.execute(_MOVE, (new, deployment_id, old)).rowcount > 0

    def definitions(self, kind: str) -> dict[str, bytes]:
        with self._open("reading definitions") as connection:
            return dict(connection.execute(_DEFINITIONS, (kind,)).fetchall())

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        with self._open("keeping a definition") as connection:
            if content is None:
                connection.execute(_UNDEFINE, (kind, name))
            else:
                connection.execute(_DEFINE, (kind, name, content))

    @contextmanager
    def _open(self, doing: str) -> Iterator[sqlite3.Connection]:
        # A connection would make an empty file where there is none.
        if not self.path.exists():
            raise StorageFailure(f"{doing} failed: {self.path} is not there yet; the first worker makes it, try again")
        try:
            connection = connect(self.path)
            try:
                if version_of(connection, self.path) < len(MIGRATIONS):
                    raise StorageFailure(
                        f"{doing} failed: {self.path} has no tables yet; the first worker makes them, try again"
                    )
                configure(connection)
                yield connection
            finally:
                connection.close()
        except (sqlite3.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.path, error) from error
