"""Objects and workflows: their keys, state, inbox and promises."""

import json

from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import state_pb2 as wire
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome

from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.paging import place_of, size_of, token_of
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rows import Row
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.contracts import ServiceFacts, ServiceKind
from perdure_runtime.contracts.shapes import NotRead, Shape, read_json
from perdure_runtime.contracts.showing import Showing, payload
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.partition.entries.state import state_version
from perdure_runtime.partition.input import EditState, SettlePromise
from perdure_runtime.storage.views import INBOX, OBJECT, PROMISE, STATE, Condition, Operator, View, is_equal

MOST_WAITING = 100
# State and promises of one key; a key has as many as its contract has fields, and a few of older contracts.
MOST_NAMES = 10_000


class Objects:
    """The rpcs about keys."""

    def __init__(self, node: Administration, finder: Finder, readers: Readers) -> None:
        self._readers = readers
        self._node = node
        self._finder = finder

    @rpc
    async def list_keys(self, request: wire.ListKeysRequest) -> wire.ListKeysResponse:
        """Lists the keys of a service that have state, sorted."""
        _check_named(request.service, "service")
        return await self._readers.run(self._keys, request)

    def _keys(self, request: wire.ListKeysRequest) -> wire.ListKeysResponse:
        place = place_of(request.page_token, ("",))
        after = str(place[0]) if place is not None else ""
        size = size_of(request.page_size)
        conditions = [is_equal("service", request.service)]
        if request.prefix:
            conditions.append(Condition("key", Operator.BEGINS, (request.prefix,)))
        keys: list[str] = []
        while len(keys) <= size:
            # The next name of the last key may be the last of it: keys are passed over whole.
            beyond = [*conditions, Condition("key", Operator.ABOVE, (after,))] if after else conditions
            page = self._node.survey.scan(STATE, beyond, None, size + 1)
            found = dict.fromkeys(Row(STATE, values).text("key") for values in page)
            keys += found
            if len(page) <= size:
                break
            after = keys[-1]
        return wire.ListKeysResponse(
            keys=keys[:size], next_page_token=token_of((keys[size - 1],)) if len(keys) > size else ""
        )

    @rpc
    async def get_state(self, request: wire.GetStateRequest) -> wire.State:
        """Shows all of one key: its state, its one writer, who waits in line for it, and its promises."""
        _check_named(request.service, "service")
        return await self._readers.run(self._state, request.service, request.key)

    @rpc
    async def edit_state(self, request: wire.EditStateRequest) -> wire.State:
        """Changes state of a key in one commit, where it is yet what was looked at."""
        facts = self._find(request.service)
        shape = Showing(self._node.contracts, self._node.contracts_of).state(facts.name)
        if shape is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"{facts.name} is a {facts.kind.value} without a state message: there is nothing to edit",
            )
        changes = _changes(shape, request.values)
        if request.replace:
            there = await self._readers.run(self._values, facts.name, request.key)
            changes |= {name: None for name in there if name not in changes}
        if changes:
            await self._node.edit_state(EditState(facts.name, request.key, request.version, tuple(changes.items())))
        return await self._readers.run(self._state, facts.name, request.key)

    @rpc
    async def complete_promise(self, request: wire.CompletePromiseRequest) -> wire.CompletePromiseResponse:
        """Resolves or rejects a promise of a workflow, as a shared handler would."""
        facts = self._find(request.service)
        if facts.kind is not ServiceKind.WORKFLOW:
            raise Refusal(
                Status.FAILED_PRECONDITION, f"{facts.name} is a {facts.kind.value}; only workflows have promises"
            )
        if request.name not in facts.promises:
            known = ", ".join(facts.promises) or "none"
            raise Refusal(
                Status.NOT_FOUND, f"{facts.name} has no promise {request.name[:100]!r}; its promises are {known}"
            )
        shape = Showing(self._node.contracts, self._node.contracts_of).promise(facts.name, request.name)
        result = outcome_of(request, shape)
        await self._node.settle_promise(SettlePromise(facts.name, request.key, request.name, result))
        return wire.CompletePromiseResponse()

    def _find(self, name: str) -> ServiceFacts:
        _check_named(name, "service")
        facts = self._node.contracts.get(name)
        if facts is None:
            raise Refusal(
                Status.NOT_FOUND,
                f"no deployment serves {name[:100]!r}, so nobody knows what its state is: register its endpoint first",
            )
        return facts

    def _values(self, service: str, key: str) -> dict[str, bytes]:
        return {row.text("name"): row.data("value") for row in self._rows(STATE, service, key)}

    def _state(self, service: str, key: str) -> wire.State:
        values, showing = self._values(service, key), self._finder.showing()
        shape = showing.state(service)
        lock = next(iter(self._rows(OBJECT, service, key, 1)), None)
        return wire.State(
            service=service,
            key=key,
            values=[
                wire.State.Value(name=name, value=payload(shape, value, field=name))
                for name, value in sorted(values.items())
            ],
            version=state_version(values),
            holder=lock.text("holder") if lock is not None else "",
            inbox=[row.text("invocation_id") for row in self._rows(INBOX, service, key, MOST_WAITING)],
            inbox_length=self._node.survey.count(INBOX, _of_key(service, key), 2**31),
            promises=[_promise(row, showing) for row in self._rows(PROMISE, service, key)],
        )

    def _rows(self, view: View, service: str, key: str, limit: int = MOST_NAMES) -> list[Row]:
        found = self._node.survey.scan(view, _of_key(service, key), None, limit)
        return [Row(view, values) for values in found]


def outcome_of(request: wire.CompletePromiseRequest | wire.CompleteAwakeableRequest, shape: Shape | None) -> Outcome:
    """The result that an operator gives, as JSON of this message. Raises Refusal."""
    given = request.WhichOneof("result")
    if given is None:
        raise Refusal(Status.INVALID_ARGUMENT, "neither a value nor a failure is given; give one of them")
    if given == "failure":
        # What an operator says has no better code.
        return Outcome(failure=Failure(code=Status.UNKNOWN.value, message=request.failure))
    if shape is None:
        raise Refusal(
            Status.FAILED_PRECONDITION, "no deployment has the message that it takes: register its endpoint first"
        )
    try:
        return Outcome(value=shape.from_json(request.value))
    except NotRead as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"value: {error}") from error


def _changes(shape: Shape, values: str) -> dict[str, bytes | None]:
    try:
        wanted = read_json(values or "{}")
        if not isinstance(wanted, dict):
            raise NotRead(f"it is no JSON object; write {{…}} with fields of {shape.name}")
        return {
            name: None if value is None and name in shape.fields else shape.field_from_json(name, value)
            for name, value in wanted.items()
        }
    except NotRead as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"values: {error}") from error


def _promise(row: Row, showing: Showing) -> wire.Promise:
    service, name = row.text("service"), row.text("name")
    shown = wire.Promise(name=name, status="waiting")
    shown.waiting.extend(id for id, _ in json.loads(row.text("waiting") or "[]"))
    if row.has("result"):
        result = Outcome.FromString(row.data("result"))
        if result.HasField("failure"):
            shown.status = "rejected"
            shown.error.CopyFrom(showing.error(result.failure, service))
        else:
            shown.status = "resolved"
            shown.value.CopyFrom(payload(showing.promise(service, name), result.value))
    return shown


def _of_key(service: str, key: str) -> tuple[Condition, ...]:
    return (is_equal("service", service), is_equal("key", key))


def _check_named(value: str, field: str) -> None:
    if not value:
        raise Refusal(Status.INVALID_ARGUMENT, f"{field} is empty; write its full name, such as shop.v1.Accounts")
