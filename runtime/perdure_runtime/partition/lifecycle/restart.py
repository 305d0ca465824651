"""Running an ended invocation again, as a new one: from its beginning, or with a part of its journal."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Restart
from perdure_runtime.partition.journal import Journal, is_command
from perdure_runtime.partition.lifecycle.key import enter
from perdure_runtime.partition.rows import Ended, IdempotencyKey, Invocation, Running


def on_restart(draft: Draft, restart: Restart) -> None:
    """Starts it, where the ended one is there and what is to be kept of its journal can be."""
    ended = draft.invocation(restart.invocation_id)
    if ended is None or not isinstance(ended.status, Ended) or draft.invocation(restart.new_id) is not None:
        return
    journal = draft.journal(ended.id)
    if unfinished(journal, restart.commands) is not None:
        return
    again = Invocation(
        id=restart.new_id,
        target=ended.target,
        mode=ended.mode,
        input=ended.input,
        headers=ended.headers,
        idempotency_key="",
        caller=None,
        created_at_ms=ended.created_at_ms if restart.commands else draft.now_ms,
        status=Running(),
        deployment_id=ended.deployment_id if restart.commands else "",
    )
    draft.insert(again)
    for entry in _kept(journal, restart.commands):
        draft.append(again.id, entry)
    if ended.mode.once:
        draft.put_idempotent(IdempotencyKey(ended.target, ""), again.id)
    enter(draft, again)


def unfinished(journal: Journal, commands: int) -> int | None:
    """The first of so many commands that has no result, though something other than a step would bring it about.

    A new invocation could not get it: what was to come went to the old one.
    """
    for command in range(commands):
        waits = journal.completes(command) and not journal.settled(command)
        if command >= journal.commands or (waits and command not in journal.open_steps):
            return command
    return None


def _kept(journal: Journal, commands: int) -> list[Entry]:
    kept, ordinal = [], 0
    for entry in journal.entries:
        if is_command(entry):
            if ordinal < commands:
                kept.append(entry)
            ordinal += 1
        elif _answers(entry) < commands:
            kept.append(entry)
    return kept


def _answers(entry: Entry) -> int:
    """The command that a notification belongs to; a signal or cancellation belongs to none, and is not kept."""
    if entry.HasField("completion"):
        return entry.completion.command
    return entry.step_failure.command if entry.HasField("step_failure") else 1 << 32
