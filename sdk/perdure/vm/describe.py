"""Journal entries in the words that people read in errors."""

import hashlib
from collections.abc import Mapping
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, InvocationName, Outcome, Target


def describe(entry: Entry) -> str:
    """A command, with all that a replay compares."""
    kind = entry.WhichOneof("entry")
    match kind:
        case "call":
            call = entry.call
            return (
                f"call {_target(call.target)} with {_payload(call.input)}"
                f"{_extras(call.idempotency_key, call.headers, call.must_be_new)}"
            )
        case "send":
            send = entry.send
            delay = f" after {send.delay_ms} ms" if send.delay_ms else ""
            extras = _extras(send.idempotency_key, send.headers, send.must_be_new)
            return f"send to {_target(send.target)}{delay} with {_payload(send.input)}{extras}"
        case "sleep":
            return f"sleep {entry.sleep.duration_ms} ms"
        case "run":
            return f"run {entry.run.name!r}"
        case "set_state" if entry.set_state.read:
            return f"read state {entry.set_state.name!r}: {_payload(entry.set_state.value)}"
        case "clear_state" if entry.clear_state.read:
            return f"read state {entry.clear_state.name!r}: not set"
        case "set_state":
            return f"set state {entry.set_state.name!r} to {_payload(entry.set_state.value)}"
        case "clear_state":
            return f"clear state {entry.clear_state.name!r}"
        case "clear_all_state":
            return "clear all state"
        case "get_state":
            return f"get state {entry.get_state.name!r}"
        case "get_state_keys":
            return "get the keys of the state"
        case "awakeable":
            # Its id is a secret.
            return f"awakeable of {entry.awakeable.type}"
        case "complete_awakeable":
            return f"{_completing(entry.complete_awakeable.result)} for an awakeable"
        case "get_promise":
            return f"get promise {entry.get_promise.name!r}"
        case "peek_promise":
            return f"peek promise {entry.peek_promise.name!r}"
        case "complete_promise":
            return f"{_completing(entry.complete_promise.result)} for promise {entry.complete_promise.name!r}"
        case "await_signal":
            return f"await signal {entry.await_signal.name!r} of {entry.await_signal.type}"
        case "send_signal":
            signal = entry.send_signal
            return f"send signal {signal.name!r} to {_invocation(signal.invocation)}: {_completing(signal.result)}"
        case "attach":
            return f"attach to {_invocation(entry.attach.invocation)}"
        case "output":
            return f"look at {_invocation(entry.output.invocation)}"
        case "cancel":
            cancel = entry.cancel
            return f"cancel {f'call {cancel.call}' if cancel.HasField('call') else _invocation(cancel.name)}"
        case "completion":
            return f"completion of command {entry.completion.command}"
        case "step_failure":
            return f"failure of command {entry.step_failure.command}"
        case "signal":
            return f"signal {entry.signal.name!r}"
        case "cancellation":
            return "cancellation"
        case None:
            return "an entry of an unknown kind"
        case _:
            assert_never(kind)


def _target(target: Target) -> str:
    key = f" key {target.key!r}" if target.key else ""
    return f"{target.service}/{target.handler}{key}"


def _invocation(name: InvocationName) -> str:
    return f"the run of {_target(name.workflow)}" if name.HasField("workflow") else name.invocation_id


def _completing(result: Outcome) -> str:
    if result.HasField("failure"):
        return f"error {result.failure.code} {result.failure.message!r}"
    return f"value of {_payload(result.value)}"


def _payload(payload: bytes) -> str:
    # Two requests of one size would look the same without it.
    digest = hashlib.blake2b(payload, digest_size=4).hexdigest()
    return f"{len(payload)} bytes ({digest})"


def _extras(idempotency_key: str, headers: Mapping[str, str], must_be_new: bool) -> str:
    key = f", idempotency key {idempotency_key!r}" if idempotency_key else ""
    sent = f", headers {dict(sorted(headers.items()))}" if headers else ""
    return key + sent + (", must be new" if must_be_new else "")
