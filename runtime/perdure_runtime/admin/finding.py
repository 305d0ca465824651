"""Finds invocations in storage, and shows them. Everything here blocks, and raises StorageFailure."""

import json
from collections.abc import Sequence

from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.admin.advice import advice
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.rows import Row
from perdure_runtime.contracts.commands import Writer
from perdure_runtime.contracts.showing import MOST_OF_ONE, Showing, payload
from perdure_runtime.contracts.timeline import Timeline
from perdure_runtime.ingress.port import UnknownInvocation
from perdure_runtime.storage.views import INVOCATION, is_equal


class Finder:
    """Reads the cluster's storage by the contracts that there are."""

    def __init__(self, node: Administration) -> None:
        self._node = node

    def showing(self) -> Showing:
        """What decodes payloads now."""
        return Showing(self._node.contracts, self._node.contracts_of)

    def row(self, invocation_id: str) -> Row:
        """An invocation. Raises UnknownInvocation."""
        found = self._node.survey.scan(INVOCATION, (is_equal("id", invocation_id),), limit=1)
        if not found:
            raise UnknownInvocation(invocation_id)
        return Row(INVOCATION, found[0])

    def timeline(self, row: Row) -> tuple[Timeline, int]:
        """The journal of an invocation, and how long it is."""
        entries = self._node.survey.entries(row.text("id"))
        writer = Writer(row.text("service"), row.text("deployment_id"), self.showing())
        return Timeline(writer, row.number("created_at_ms"), entries), len(entries)

    def listed(self, row: Row, showing: Showing) -> Invocation:
        """An invocation without payloads."""
        shown = self._facts(row, showing)
        shown.advice = self._advice(row, ())
        return shown

    def whole(self, row: Row) -> Invocation:
        """An invocation with its payloads, and with what its journal says of what it waits for."""
        showing = self.showing()
        shown = self._facts(row, showing)
        called = (shown.service, shown.handler, shown.deployment_id)
        shown.input.CopyFrom(payload(showing.request(*called), row.data("input"), MOST_OF_ONE))
        if shown.status == "ended" and not row.number("outcome_code"):
            value = Outcome.FromString(row.data("outcome")).value
            shown.output.CopyFrom(payload(showing.response(*called), value, MOST_OF_ONE))
        waits = shown.status in ("running", "suspended")
        shown.advice = self._advice(row, self.timeline(row)[0].awaited() if waits else ())
        return shown

    def _advice(self, row: Row, awaited: Sequence[str]) -> str:
        service = row.text("service")
        newest = self._node.newest_of(service) if service in self._node.contracts else None
        return advice(row, self._node.now_ms(), newest, awaited)

    def _facts(self, row: Row, showing: Showing) -> Invocation:
        shown = Invocation(
            id=row.text("id"),
            service=row.text("service"),
            handler=row.text("handler"),
            key=row.text("key"),
            status=row.text("status"),
            created_at_ms=row.number("created_at_ms"),
            ended_at_ms=row.number("ended_at_ms"),
            due_ms=row.number("due_ms"),
            attempt=row.number("attempt"),
            failures=row.number("failures"),
            last_error=row.text("last_error"),
            deployment_id=row.text("deployment_id"),
            idempotency_key=row.text("idempotency_key"),
            caller_id=row.text("caller_id"),
            cancelled=row.number("cancel") != 0,
            headers=dict(json.loads(row.text("headers") or "[]")),
            partition=self._node.partition_of(row.text("id")),
            outcome_until_ms=row.number("outcome_until_ms"),
            journal_until_ms=row.number("journal_until_ms"),
        )
        if row.number("outcome_code"):
            failure = Outcome.FromString(row.data("outcome")).failure
            shown.error.CopyFrom(showing.error(failure, shown.service, shown.deployment_id))
        return shown
