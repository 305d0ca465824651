"""What belongs to a whole database, whoever owns its partitions: the deployments, and sights of all rows."""

import json
from collections.abc import Callable, Sequence
from threading import Lock
from typing import TypeVar

import psycopg
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import DeploymentRow, StorageFailure, Usage
from perdure_runtime.storage.postgres import ownership
from perdure_runtime.storage.postgres.connection import Address, Link
from perdure_runtime.storage.postgres.failure import UNFIT, UNREADABLE, failure
from perdure_runtime.storage.postgres.reads import Reads
from perdure_runtime.storage.postgres.statements import Parameters

T = TypeVar("T")

_INSERT = """
    INSERT INTO perdure.deployment (id, address, services, descriptors, created_at_ms, sdk_version)
    VALUES (%(id)s, %(address)s, %(services)s, %(descriptors)s, %(created_at_ms)s, %(sdk_version)s)
"""
_DELETE = "DELETE FROM perdure.deployment WHERE id = %(id)s"
_MOVE = "UPDATE perdure.deployment SET address = %(new)s WHERE id = %(id)s AND address = %(old)s RETURNING id"


class PostgresRecords:
    """Deployments and surveys, as ``storage.api`` says of ``Registry`` and ``Survey``, over a connection of their own.

    People wait for these in threads of their own, which take turns; the loop does not wait for them.
    """

    def __init__(self, address: Address, placement: Placement) -> None:
        """Connects when it is first asked."""
        self.name = address.name
        self._placement = placement
        self._records = Link(address)
        self._turn = Lock()

    def deployments(self) -> list[DeploymentRow]:
        return self._survey("reading deployments", lambda reads: reads.deployments())

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

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        return self._survey("scanning the work of a deployment", lambda reads: reads.in_flight(deployment_id, limit))

    def ended(self, service: str, limit: int) -> list[Invocation]:
        return self._survey("scanning ended invocations", lambda reads: reads.ended(service, limit))

    def usage(self, service: str) -> Usage:
        return self._survey("counting what a service has", lambda reads: reads.usage(service))

    def entries(self, invocation_id: str) -> list[Entry]:
        return self._survey("reading a journal", lambda reads: reads.entries(invocation_id))

    def _survey(self, doing: str, read: Callable[[Reads], T]) -> T:
        return self._in_turn(
            doing, lambda: self._records.use(lambda connection: read(Reads(connection, self._placement)))
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

    def _refuse_closed(self) -> None:
        if self._records.is_closed:
            raise StorageFailure(f"the storage on {self.name} is closed: open another one")
