"""State of a key: written by its one writer, read by all its handlers."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    ClearStateCommand,
    GetStateCommand,
    SetStateCommand,
    StateKeys,
    StateValue,
)

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.lifecycle.complete import complete
from perdure_runtime.partition.rows import Invocation


def on_set_state(draft: Draft, invocation: Invocation, command: SetStateCommand) -> None:
    """Sets one name."""
    draft.put_state(invocation.target.service, invocation.target.key, command.name, command.value)


def on_clear_state(draft: Draft, invocation: Invocation, command: ClearStateCommand) -> None:
    """Clears one name."""
    draft.put_state(invocation.target.service, invocation.target.key, command.name, None)


def on_clear_all_state(draft: Draft, invocation: Invocation) -> None:
    """Clears all names."""
    for name in sorted(draft.state(invocation.target.service, invocation.target.key)):
        draft.put_state(invocation.target.service, invocation.target.key, name, None)


def on_get_state(draft: Draft, invocation: Invocation, ordinal: int, command: GetStateCommand) -> None:
    """Gives the value of one name, which did not come with the attempt."""
    value = draft.state(invocation.target.service, invocation.target.key).get(command.name)
    complete(draft, invocation.id, ordinal, StateValue(value=value).SerializeToString())


def on_get_state_keys(draft: Draft, invocation: Invocation, ordinal: int) -> None:
    """Gives the names that are set."""
    names = sorted(draft.state(invocation.target.service, invocation.target.key))
    complete(draft, invocation.id, ordinal, StateKeys(names=names).SerializeToString())
