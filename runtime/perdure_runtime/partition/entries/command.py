"""What a handler asks for: every command enters the journal, then does its work."""

from dataclasses import replace
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.entries.call import on_call, on_send
from perdure_runtime.partition.entries.invocation import on_cancel, on_question
from perdure_runtime.partition.entries.promise import on_complete_promise, on_get_promise, on_peek_promise
from perdure_runtime.partition.entries.signal import on_await_signal
from perdure_runtime.partition.entries.sleep import on_sleep
from perdure_runtime.partition.entries.state import (
    on_clear_all_state,
    on_clear_state,
    on_get_state,
    on_get_state_keys,
    on_set_state,
)
from perdure_runtime.partition.entries.step import on_run
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.lifecycle.attempt import refuse
from perdure_runtime.partition.lifecycle.begin import running
from perdure_runtime.partition.rows import Caller, Invocation

# State and promises belong to a key.
OF_A_KEY = frozenset(
    {
        "set_state",
        "clear_state",
        "clear_all_state",
        "get_state",
        "get_state_keys",
        "get_promise",
        "peek_promise",
        "complete_promise",
    }
)


def on_command(draft: Draft, command: Command) -> None:
    """Journals the next command of the running attempt; one that is already there changes nothing."""
    invocation = running(draft, command.invocation_id, command.attempt)
    if invocation is None:
        return
    if command.deployment_id != invocation.deployment_id:
        # What it writes now, only this deployment can be trusted to repeat.
        invocation = replace(invocation, deployment_id=command.deployment_id)
        draft.put(invocation)
    journal = draft.journal(invocation.id)
    commands = journal.commands
    if command.command < commands:
        return
    if command.command > commands:
        refuse(draft, invocation, f"the endpoint sent command {command.command} where {commands} is next")
    elif command.entry.HasField("call"):
        on_call(draft, invocation, command, command.entry.call)
    elif command.entry.HasField("send"):
        on_send(draft, invocation, command, command.entry.send)
    elif not invocation.target.key and (kind := command.entry.WhichOneof("entry")) in OF_A_KEY:
        # It would be read and written in whatever partition the empty key lies in.
        refuse(draft, invocation, f"the endpoint sent {kind} for {invocation.target.service}, which has no key")
    else:
        draft.append(invocation.id, command.entry)
        _do(draft, invocation, command, command.entry, journal)


def _do(draft: Draft, invocation: Invocation, command: Command, entry: Entry, before: Journal) -> None:
    """``before`` is the journal without the command: the draft would build it anew with it, at the cost of it all."""
    ordinal = command.command
    kind = entry.WhichOneof("entry")
    match kind:
        case "run":
            on_run(draft, command)
        case "sleep":
            on_sleep(draft, command, entry.sleep)
        case "set_state" | "clear_state" | "clear_all_state" if not invocation.mode.exclusive or _is_read(entry):
            pass  # What it read; it writes nothing.
        case "set_state":
            on_set_state(draft, invocation, entry.set_state)
        case "clear_state":
            on_clear_state(draft, invocation, entry.clear_state)
        case "clear_all_state":
            on_clear_all_state(draft, invocation)
        case "get_state":
            on_get_state(draft, invocation, ordinal, entry.get_state)
        case "get_state_keys":
            on_get_state_keys(draft, invocation, ordinal)
        case "awakeable":
            pass  # Somebody outside completes it, by the id that stands in the entry.
        case "get_promise":
            on_get_promise(draft, invocation, ordinal, entry.get_promise)
        case "peek_promise":
            on_peek_promise(draft, invocation, ordinal, entry.peek_promise)
        case "complete_promise":
            on_complete_promise(draft, invocation, ordinal, entry.complete_promise)
        case "await_signal":
            on_await_signal(draft, invocation, ordinal, before.signals.get(entry.await_signal.name))
        case "attach" | "output" | "send_signal" | "complete_awakeable":
            on_question(draft, Caller(invocation.id, ordinal), entry)
        case "cancel":
            on_cancel(draft, Caller(invocation.id, ordinal), entry, before.open_calls)
        case "call" | "send" | "completion" | "step_failure" | "signal" | "cancellation" | None:
            raise AssertionError(f"{kind} is no command of this place: the session gives it another input")
        case _:
            assert_never(kind)


def _is_read(entry: Entry) -> bool:
    return entry.set_state.read or entry.clear_state.read
