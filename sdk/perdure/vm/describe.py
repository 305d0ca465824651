"""Journal entries in the words that people read in errors."""

import hashlib
from collections.abc import Mapping
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Target


def describe(entry: Entry) -> str:
    """A command, with all that a replay compares."""
    kind = entry.WhichOneof("entry")
    match kind:
        case "call":
            call = entry.call
            return (
                f"call {_target(call.target)} with {_payload(call.input)}{_extras(call.idempotency_key, call.headers)}"
            )
        case "send":
            send = entry.send
            delay = f" after {send.delay_ms} ms" if send.delay_ms else ""
            extras = _extras(send.idempotency_key, send.headers)
            return f"send to {_target(send.target)}{delay} with {_payload(send.input)}{extras}"
        case "sleep":
            return f"sleep {entry.sleep.duration_ms} ms"
        case "run":
            return f"run {entry.run.name!r}"
        case "set_state":
            return f"set state {entry.set_state.name!r} to {_payload(entry.set_state.value)}"
        case "clear_state":
            return f"clear state {entry.clear_state.name!r}"
        case "completion":
            return f"completion of command {entry.completion.command}"
        case "step_failure":
            return f"failure of command {entry.step_failure.command}"
        case None:
            return "an entry of an unknown kind"
        case _:
            assert_never(kind)


def _target(target: Target) -> str:
    key = f" key {target.key!r}" if target.key else ""
    return f"{target.service}/{target.handler}{key}"


def _payload(payload: bytes) -> str:
    # Two requests of one size would look the same without it.
    digest = hashlib.blake2b(payload, digest_size=4).hexdigest()
    return f"{len(payload)} bytes ({digest})"


def _extras(idempotency_key: str, headers: Mapping[str, str]) -> str:
    key = f", idempotency key {idempotency_key!r}" if idempotency_key else ""
    sent = f", headers {dict(sorted(headers.items()))}" if headers else ""
    return key + sent
