"""What a handler asks for: every command enters the journal, then does its work."""

from typing import assert_never

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.entries.call import on_call, on_send
from perdure_runtime.partition.entries.sleep import on_sleep
from perdure_runtime.partition.entries.state import on_clear_state, on_set_state
from perdure_runtime.partition.entries.step import on_run
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.lifecycle.attempt import refuse
from perdure_runtime.partition.lifecycle.begin import running


def on_command(draft: Draft, command: Command) -> None:
    """Journals the next command of the running attempt; one that is already there changes nothing."""
    invocation = running(draft, command.invocation_id, command.attempt)
    if invocation is None:
        return
    commands = draft.journal(invocation.id).commands
    if command.command < commands:
        return
    entry = command.entry
    kind = entry.WhichOneof("entry")
    if command.command > commands:
        refuse(draft, invocation, f"the endpoint sent command {command.command} where {commands} is next")
    else:
        draft.append(invocation.id, entry)
        match kind:
            case "call":
                on_call(draft, command, entry.call)
            case "send":
                on_send(draft, command, entry.send)
            case "sleep":
                on_sleep(draft, command, entry.sleep)
            case "run":
                on_run(draft, command)
            case "set_state" | "clear_state" if not invocation.exclusive:
                pass  # What it read; it writes nothing.
            case "set_state":
                on_set_state(draft, invocation, entry.set_state)
            case "clear_state":
                on_clear_state(draft, invocation, entry.clear_state)
            case "completion" | "step_failure" | None:
                raise AssertionError(f"{kind} is not a command: the session gives it another input")
            case _:
                assert_never(kind)
