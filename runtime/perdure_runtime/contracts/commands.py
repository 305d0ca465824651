"""Commands of a journal as people read them: what each asks for, what it carries, and what its result is."""

import json
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry
from perdure_protos.perdure.admin.v1.payload_pb2 import Payload
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    Completion,
    Entry,
    InvocationName,
    Outcome,
    StateKeys,
    StateValue,
    Target,
)

from perdure_runtime.contracts.shapes import Shape
from perdure_runtime.contracts.showing import Showing, payload


@dataclass(frozen=True, slots=True)
class Writer:
    """Whose journal it is: the service, and the deployment whose contracts its bytes go by."""

    service: str
    deployment_id: str
    showing: Showing


def show_command(writer: Writer, entry: Entry) -> JournalEntry:
    """What a command asks for, and what it carries."""
    kind = entry.WhichOneof("entry")
    shown = JournalEntry(kind=kind or "unknown", summary=(kind or "an entry of an unknown kind").replace("_", " "))
    match kind:
        case "call":
            _show_target(writer, shown, entry.call.target, entry.call.input)
            shown.invocation_id = entry.call.invocation_id
        case "send":
            _show_target(writer, shown, entry.send.target, entry.send.input)
            if entry.send.delay_ms:
                shown.summary += f" after {entry.send.delay_ms} ms"
        case "sleep":
            shown.summary += f" {entry.sleep.duration_ms} ms"
        case "run":
            _name(shown, entry.run.name)
        case "set_state":
            _name(shown, entry.set_state.name)
            state = writer.showing.state(writer.service, writer.deployment_id)
            # What a handler has read is journaled as if it had written it.
            shown_value = shown.output if entry.set_state.read else shown.input
            shown_value.CopyFrom(payload(state, entry.set_state.value, field=shown.name))
            if entry.set_state.read:
                shown.summary = f"read state {shown.name!r}"
        case "clear_state":
            _name(shown, entry.clear_state.name)
            if entry.clear_state.read:
                shown.summary = f"read state {shown.name!r}, which is not set"
        case "get_state":
            _name(shown, entry.get_state.name)
        case "awakeable":
            # Its id is a secret: whoever knows it can complete it.
            shown.summary += f" of {entry.awakeable.type}"
        case "complete_awakeable":
            _show_outcome(writer, shown, entry.complete_awakeable.result, None)
        case "get_promise":
            _name(shown, entry.get_promise.name)
        case "peek_promise":
            _name(shown, entry.peek_promise.name)
        case "complete_promise":
            _name(shown, entry.complete_promise.name)
            promise = writer.showing.promise(writer.service, shown.name, writer.deployment_id)
            _show_outcome(writer, shown, entry.complete_promise.result, promise)
        case "await_signal":
            _name(shown, entry.await_signal.name)
            shown.summary += f" of {entry.await_signal.type}"
        case "send_signal":
            _name(shown, entry.send_signal.name)
            _show_name(shown, entry.send_signal.invocation)
            _show_outcome(writer, shown, entry.send_signal.result, None)
        case "attach":
            _show_name(shown, entry.attach.invocation)
        case "output":
            _show_name(shown, entry.output.invocation)
        case "cancel" if entry.cancel.HasField("call"):
            shown.summary += f" call {entry.cancel.call}"
        case "cancel":
            _show_name(shown, entry.cancel.name)
    return shown


def show_result(writer: Writer, command: Entry, completion: Completion, shown: JournalEntry) -> None:
    """Adds what a command was completed with."""
    shown.completed_at_ms = completion.at_ms
    if completion.HasField("failure"):
        shown.error.CopyFrom(writer.showing.error(completion.failure, writer.service, writer.deployment_id))
        return
    match command.WhichOneof("entry"):
        case "send":
            shown.invocation_id = completion.value.decode("utf-8", "replace")
        case "output" | "peek_promise":
            # Nothing where there was no outcome yet.
            if completion.value:
                _show_result(writer, shown, Outcome.FromString(completion.value), _result_shape(writer, command))
        case _:
            output = _output(writer, command, completion.value)
            if output is not None:
                shown.output.CopyFrom(output)


def _output(writer: Writer, command: Entry, value: bytes) -> Payload | None:
    service, deployment_id = writer.service, writer.deployment_id
    match command.WhichOneof("entry"):
        case "run":
            return writer.showing.step(value, service, deployment_id)
        case "get_state":
            state = StateValue.FromString(value)
            shape = writer.showing.state(service, deployment_id)
            return payload(shape, state.value, field=command.get_state.name) if state.HasField("value") else None
        case "get_state_keys":
            names = list(StateKeys.FromString(value).names)
            return Payload(json=json.dumps(names, ensure_ascii=False), size=len(value))
        case "awakeable":
            return payload(writer.showing.named(command.awakeable.type, service, deployment_id), value)
        case "await_signal":
            return payload(writer.showing.named(command.await_signal.type, service, deployment_id), value)
        case "call" | "attach" | "get_promise":
            return payload(_result_shape(writer, command), value)
        case _:
            return None


def _result_shape(writer: Writer, command: Entry) -> Shape | None:
    """The message of the outcome of what a command is about."""
    match command.WhichOneof("entry"):
        case "call":
            return _response(writer, command.call.target)
        case "attach" if command.attach.invocation.HasField("workflow"):
            return _response(writer, command.attach.invocation.workflow)
        case "output" if command.output.invocation.HasField("workflow"):
            return _response(writer, command.output.invocation.workflow)
        case "get_promise":
            return writer.showing.promise(writer.service, command.get_promise.name, writer.deployment_id)
        case "peek_promise":
            return writer.showing.promise(writer.service, command.peek_promise.name, writer.deployment_id)
        case _:
            return None


def _response(writer: Writer, target: Target) -> Shape | None:
    facts = writer.showing.service(target.service, writer.deployment_id)
    # The run of a workflow is named by its id alone.
    handler = target.handler or (facts.run.name if facts is not None and facts.run is not None else "")
    return writer.showing.response(target.service, handler, writer.deployment_id)


def _name(shown: JournalEntry, name: str) -> None:
    shown.name = name
    shown.summary += f" {name!r}"


def _show_target(writer: Writer, shown: JournalEntry, target: Target, input: bytes) -> None:
    shown.target = f"{target.service}/{target.handler}"
    shown.key = target.key
    shown.summary += f" {shown.target}" + (f" for {target.key!r}" if target.key else "")
    shape = writer.showing.request(target.service, target.handler, writer.deployment_id)
    shown.input.CopyFrom(payload(shape, input))


def _show_name(shown: JournalEntry, name: InvocationName) -> None:
    if name.HasField("workflow"):
        shown.target = f"{name.workflow.service}/{name.workflow.handler}".rstrip("/")
        shown.key = name.workflow.key
        shown.summary += f" the run of {shown.target} for {shown.key!r}"
    else:
        shown.invocation_id = name.invocation_id
        shown.summary += f" {name.invocation_id}"


def _show_outcome(writer: Writer, shown: JournalEntry, outcome: Outcome, shape: Shape | None) -> None:
    """What a command gives to somebody."""
    if outcome.HasField("failure"):
        shown.error.CopyFrom(writer.showing.error(outcome.failure, writer.service, writer.deployment_id))
        shown.summary += " with an error"
    else:
        shown.input.CopyFrom(payload(shape, outcome.value))


def _show_result(writer: Writer, shown: JournalEntry, outcome: Outcome, shape: Shape | None) -> None:
    """What a command has got from somebody."""
    if outcome.HasField("failure"):
        shown.error.CopyFrom(writer.showing.error(outcome.failure, writer.service, writer.deployment_id))
    else:
        shown.output.CopyFrom(payload(shape, outcome.value))
