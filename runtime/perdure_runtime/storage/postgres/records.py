"""What belongs to a whole database, whoever owns its partitions: the deployments and definitions."""

import json
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import psycopg
from psycopg.rows import TupleRow

from perdure_runtime.storage.api import DeploymentRow
from perdure_runtime.storage.codec import PayloadCodec
from perdure_runtime.storage.postgres import ownership
from perdure_runtime.storage.postgres.connection import Link
from perdure_runtime.storage.postgres.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.postgres.statements import Parameters
from perdure_runtime.storage.postgres.survey import PostgresSurvey

T = TypeVar("T")

_SELECT = """
    SELECT id, address, services, descriptors, created_at_ms, sdk_version FROM perdure.deployment
    ORDER BY created_at_ms, id
"""
_INSERT = """
    INSERT INTO perdure.deployment (id, address, services, descriptors, created_at_ms, sdk_version)
    VALUES (%(id)s, %(address)s, %(services)s, %(descriptors)s, %(created_at_ms)s, %(sdk_version)s)
"""
_DELETE = "DELETE FROM perdure.deployment WHERE id = %(id)s"
_MOVE = "UPDATE perdure.deployment SET address = %(new)s WHERE id = %(id)s AND address = %(old)s RETURNING id"
_DEFINITIONS = "SELECT name, content FROM perdure.definition WHERE kind = %(kind)s ORDER BY name"
_DEFINE = """
    INSERT INTO perdure.definition (kind, name, content) VALUES (%(kind)s, %(name)s, %(content)s)
    ON CONFLICT (kind, name) DO UPDATE SET content = excluded.content
"""
_UNDEFINE = "DELETE FROM perdure.definition WHERE kind = %(kind)s AND name = %(name)s"


class PostgresRecords(PostgresSurvey):
    """Deployments and definitions, as ``storage.api.Registry`` says, over a connection of their own, and the survey.

    People wait for these in threads of their own, which take turns; the loop does not wait for them.
    """

    def __init__(self, url: str, codec: PayloadCodec | None = None) -> None:
        """Connects when it is first asked. Raises StorageFailure where the URL is none."""
        super().__init__(url, codec)
        self._records = Link(self._address)
        self._turn = Lock()

    def deployments(self) -> list[DeploymentRow]:
        return [
            DeploymentRow(id, address, tuple(json.loads(services)), *rest)
            for id, address, services, *rest in self._select("reading deployments", _SELECT, {})
        ]

    def add_deployment(self, deployment: DeploymentRow) -> None:
        row: Parameters = {
            "id": deployment.id,
            "address": deployment.address,
            "services": json.dumps(deployment.services),
            "descriptors": deployment.descriptors,
            "created_at_ms": deployment.created_at_ms,
            "sdk_version": deployment.sdk_version,
        }
        self._write("adding a deployment", _INSERT, row)

    def remove_deployment(self, deployment_id: str) -> None:
        self._write("removing a deployment", _DELETE, {"id": deployment_id})

    def move_deployment(self, deployment_id: str, old: str, new: str) -> bool:
        return bool(self._write("moving a deployment", _MOVE, {"id": deployment_id, "old": old, "new": new}))

    def definitions(self, kind: str) -> dict[str, bytes]:
        return dict(self._select("reading definitions", _DEFINITIONS, {"kind": kind}))

    def define(self, kind: str, name: str, content: bytes | None) -> None:
        row: Parameters = {"kind": kind, "name": name}
        if content is None:
            self._write("removing a definition", _UNDEFINE, row)
        else:
            self._write("keeping a definition", _DEFINE, {**row, "content": content})

    def close(self) -> None:
        super().close()
        self._records.close()

    def _select(self, doing: str, sql: str, row: Parameters) -> list[TupleRow]:
        return self._in_turn(
            doing,
            lambda: self._records.use(lambda connection: connection.execute(sql, row, binary=True).fetchall()),
        )

    def _write(self, doing: str, sql: str, row: Parameters) -> Sequence[object]:
        return self._in_turn(doing, lambda: self._records.transact([ownership.settings(), (sql, row)]))

    def _in_turn(self, doing: str, do: Callable[[], T]) -> T:
        self._refuse_closed()
        try:
            with self._turn:
                return do()
        except (psycopg.Error, *UNFIT, *UNREADABLE) as error:
            raise failure(doing, self.name, error) from error
