"""Payloads as the JSON of columns: by the contracts of the deployments, and by the journal that they stand in."""

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol

from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry
from perdure_protos.perdure.admin.v1.payload_pb2 import Payload, TerminalError
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome

from perdure_runtime.contracts import ContractError, Contracts
from perdure_runtime.contracts.commands import Writer
from perdure_runtime.contracts.shapes import Shape
from perdure_runtime.contracts.showing import MOST_OF_ONE, Showing, payload
from perdure_runtime.contracts.timeline import Timeline
from perdure_runtime.query.opening import Deployments
from perdure_runtime.storage.api import DeploymentRow
from perdure_runtime.storage.views import INVOCATION, Condition, View, ViewRow, is_equal

# Contracts do not change: those of so many deployments are kept from one query to the next.
MOST_CONTRACTS = 64


class Reads(Protocol):
    """What a query reads of a survey."""

    def scan(
        self, view: View, conditions: Sequence[Condition], after: ViewRow | None, limit: int, *, descending: bool
    ) -> list[ViewRow]:
        """As ``storage.api.Survey.scan``."""

    def entries(self, invocation_id: str) -> list[Entry]:
        """As ``storage.api.Survey.entries``."""


class Decoder:
    """Decodes the values of one query. It reads deployments and journals when the first value needs them."""

    def __init__(self, survey: Reads, registry: Deployments) -> None:
        self.survey = survey
        self._registry = registry
        self._deployments: Sequence[DeploymentRow] | None = None
        self._showing: Showing | None = None
        # Entries of one journal follow each other, and so do the columns of one entry.
        self._journal: tuple[str, Timeline, list[Entry]] | None = None
        self._shown: tuple[str, int, JournalEntry] | None = None

    @property
    def deployments(self) -> Sequence[DeploymentRow]:
        """All of them, oldest first."""
        if self._deployments is None:
            self._deployments = self._registry.deployments()
        return self._deployments

    @property
    def newest(self) -> Mapping[str, DeploymentRow]:
        """The deployment that new invocations of a service go to."""
        return {service: row for row in self.deployments for service in row.services}

    @property
    def showing(self) -> Showing:
        """What decodes by the contracts that there are."""
        if self._showing is None:
            known = {row.id: self.contracts(row) for row in self.deployments}
            self._showing = Showing(Contracts().merged(*known.values()), known.get)
        return self._showing

    def contracts(self, row: DeploymentRow) -> Contracts:
        """The contracts of a deployment; none where they cannot be read any more."""
        return _contracts(row.descriptors, row.services)

    def entry(self, invocation_id: str, position: int) -> JournalEntry:
        """An entry of a journal, with the result of its command."""
        if self._shown is None or self._shown[:2] != (invocation_id, position):
            timeline, entries = self._read(invocation_id)
            # A journal may be purged between the row and this.
            shown = timeline.shown(position) if position < len(entries) else JournalEntry()
            self._shown = (invocation_id, position, shown)
        return self._shown[2]

    def entries(self, invocation_id: str) -> Sequence[Entry]:
        """The journal of an invocation."""
        return self._read(invocation_id)[1]

    def _read(self, invocation_id: str) -> tuple[Timeline, list[Entry]]:
        if self._journal is None or self._journal[0] != invocation_id:
            rows = self.survey.scan(INVOCATION, (is_equal("id", invocation_id),), None, 1, descending=False)
            service, deployment_id, created_at_ms = _writer(rows[0]) if rows else ("", "", 0)
            entries = self.survey.entries(invocation_id)
            timeline = Timeline(Writer(service, deployment_id, self.showing), created_at_ms, entries)
            self._journal = (invocation_id, timeline, entries)
        return self._journal[1:]

    def message(self, shape: Shape | None, value: object, field: str = "") -> str | None:
        """The JSON of a serialised message, or of one field of it."""
        return text_of(payload(shape, value, MOST_OF_ONE, field=field)) if isinstance(value, bytes) else None

    def outcome(self, shape: Shape | None, value: object) -> str | None:
        """The JSON of the value of a serialised outcome; None for an error."""
        if not isinstance(value, bytes):
            return None
        outcome = Outcome.FromString(value)
        return self.message(shape, outcome.value) if outcome.HasField("value") else None

    def error(self, value: object, service: str, deployment_id: str) -> str | None:
        """The JSON of the error of a serialised outcome; None for a value."""
        if not isinstance(value, bytes):
            return None
        outcome = Outcome.FromString(value)
        if not outcome.HasField("failure"):
            return None
        return error_text(self.showing.error(outcome.failure, service, deployment_id))


def text_of(shown: Payload) -> str:
    """A payload as a column has it; one that cannot be decoded says why."""
    return shown.json or json.dumps({"problem": shown.problem, "type": shown.type, "size": shown.size})


def error_text(error: TerminalError) -> str:
    """An error as a column has it."""
    shown: dict[str, object] = {"code": error.name, "message": error.message}
    if error.details:
        shown["details"] = [{"type": each.type, "value": json.loads(text_of(each))} for each in error.details]
    return json.dumps(shown, ensure_ascii=False)


def entry_text(entry: JournalEntry) -> str:
    """All that is known of an entry, as one object."""
    shown: dict[str, object] = {"kind": entry.kind, "summary": entry.summary}
    for name in ("name", "target", "key", "invocation_id"):
        if getattr(entry, name):
            shown[name] = getattr(entry, name)
    if entry.HasField("input"):
        shown["input"] = json.loads(text_of(entry.input))
    if entry.HasField("output"):
        shown["output"] = json.loads(text_of(entry.output))
    if entry.HasField("error"):
        shown["error"] = json.loads(error_text(entry.error))
    return json.dumps(shown, ensure_ascii=False)


def _writer(row: ViewRow) -> tuple[str, str, int]:
    """Whose journal it is, by which contracts it was written, and since when."""
    service, deployment_id, created_at_ms = (
        row[INVOCATION.place(name)] for name in ("service", "deployment_id", "created_at_ms")
    )
    return str(service), str(deployment_id or ""), int(created_at_ms or 0)


@lru_cache(MOST_CONTRACTS)
def _contracts(descriptors: bytes, services: tuple[str, ...]) -> Contracts:
    try:
        return Contracts.described(descriptors, services)
    except ContractError:
        # Registered by another version, which knew them: what it wrote is shown as bytes that nobody knows.
        return Contracts()
