"""Sleeps: a command that a timer completes."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import SleepCommand

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.lifecycle.complete import complete
from perdure_runtime.partition.rows import Invocation, Timer, WakeDue, due_after


def on_sleep(draft: Draft, command: Command, sleep: SleepCommand) -> None:
    """Sets the timer."""
    due_ms = due_after(draft.now_ms, sleep.duration_ms)
    draft.set_timer(Timer(due_ms, command.invocation_id, WakeDue(command.command)))


def on_wake_due(draft: Draft, invocation: Invocation, due: WakeDue) -> None:
    """The sleep is over."""
    complete(draft, invocation.id, due.command, b"")
