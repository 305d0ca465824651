"""Commands of a journal as tests write them down and people read them."""

from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, InvocationName, Outcome, Target

UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000), ("second", 1_000))


def command_text(entry: Entry) -> str:
    """A command in few words, such as ``run 'charge'``."""
    kind = entry.WhichOneof("entry")
    match kind:
        case "call":
            return f"call {target_text(entry.call.target)}"
        case "send":
            delay = f" in {duration_text(entry.send.delay_ms)}" if entry.send.delay_ms else ""
            return f"send {target_text(entry.send.target)}{delay}"
        case "sleep":
            return f"sleep {duration_text(entry.sleep.duration_ms)}"
        case "run":
            return f"run {entry.run.name!r}"
        case "set_state" if entry.set_state.read:
            return f"read {entry.set_state.name}"
        case "clear_state" if entry.clear_state.read:
            return f"read {entry.clear_state.name}"
        case "set_state":
            return f"set {entry.set_state.name}"
        case "clear_state":
            return f"clear {entry.clear_state.name}"
        case "clear_all_state":
            return "clear all state"
        case "get_state":
            return f"get {entry.get_state.name}"
        case "get_state_keys":
            return "list state"
        case "awakeable":
            return f"awakeable {entry.awakeable.type}"
        case "complete_awakeable":
            return f"{_verb(entry.complete_awakeable.result)} awakeable {entry.complete_awakeable.id}"
        case "get_promise":
            return f"wait for promise {entry.get_promise.name!r}"
        case "peek_promise":
            return f"peek at promise {entry.peek_promise.name!r}"
        case "complete_promise":
            return f"{_verb(entry.complete_promise.result)} promise {entry.complete_promise.name!r}"
        case "await_signal":
            return f"wait for signal {entry.await_signal.name!r}"
        case "send_signal":
            return f"signal {entry.send_signal.name!r} to {_name(entry.send_signal.invocation)}"
        case "attach":
            return f"attach to {_name(entry.attach.invocation)}"
        case "output":
            return f"look at {_name(entry.output.invocation)}"
        case "cancel":
            named = entry.cancel.WhichOneof("invocation") == "name"
            return f"cancel {_name(entry.cancel.name) if named else f'call {entry.cancel.call}'}"
        case "completion" | "step_failure" | "signal" | "cancellation" | None:
            raise ValueError(f"{kind} is no command")
        case _:
            assert_never(kind)


def target_text(target: Target) -> str:
    """A handler, with the key it runs on."""
    key = f" {target.key!r}" if target.key else ""
    return f"{target.service}/{target.handler}{key}"


def duration_text(duration_ms: int) -> str:
    """A duration in its largest whole unit."""
    for unit, length_ms in UNITS:
        if duration_ms and duration_ms % length_ms == 0:
            number = duration_ms // length_ms
            return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
    return f"{duration_ms} ms"


def _verb(result: Outcome) -> str:
    return "reject" if result.HasField("failure") else "resolve"


def _name(name: InvocationName) -> str:
    if name.WhichOneof("name") == "workflow":
        return f"{name.workflow.service} {name.workflow.key!r}"
    return name.invocation_id
