"""Awakeables: a command that whoever knows its id completes.

The id stands in the command and carries chance that is hard to guess, so that it is its own permission. What it says of
the invocation only tells where to look.
"""

from perdure_protos.perdure.protocol.v1.journal_pb2 import AwakeableCommand, CompleteAwakeableCommand, Failure, Outcome

from perdure_runtime.partition import ids
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import CompleteAwakeable
from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.respond import respond
from perdure_runtime.partition.rows import Caller

# google.rpc.Code.NOT_FOUND
NOT_FOUND = 5


def answer_complete_awakeable(draft: Draft, here: int, caller: Caller, command: CompleteAwakeableCommand) -> None:
    """A handler resolves or rejects one."""
    if _settle(draft, command.id, command.result):
        respond(draft, here, caller, b"")
    else:
        unknown = Failure(code=NOT_FOUND, message=f"there is no awakeable {command.id[:100]!r}")
        respond(draft, here, caller, unknown)


def on_awakeable_completed(draft: Draft, completed: CompleteAwakeable) -> None:
    """Somebody outside resolves or rejects one."""
    _settle(draft, completed.awakeable_id, completed.result)


def find_awakeable(journal: Journal, awakeable_id: str) -> tuple[int, AwakeableCommand] | None:
    """The command of an invocation that has this id, and its ordinal."""
    return journal.awakeables.get(awakeable_id)


def _settle(draft: Draft, awakeable_id: str, result: Outcome) -> bool:
    """Completes an awakeable, once; false where there is none."""
    invocation_id = ids.of_awakeable(awakeable_id)
    if invocation_id is None or draft.invocation(invocation_id) is None:
        return False
    found = find_awakeable(draft.journal(invocation_id), awakeable_id)
    if found is None:
        return False
    complete(draft, invocation_id, found[0], result_of(result))
    return True
