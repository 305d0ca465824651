"""State of a key, written by its one writer."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import ClearStateCommand, SetStateCommand

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.rows import Invocation


def on_set_state(draft: Draft, invocation: Invocation, command: SetStateCommand) -> None:
    """Sets one name."""
    draft.put_state(invocation.target.service, invocation.target.key, command.name, command.value)


def on_clear_state(draft: Draft, invocation: Invocation, command: ClearStateCommand) -> None:
    """Clears one name."""
    draft.put_state(invocation.target.service, invocation.target.key, command.name, None)
