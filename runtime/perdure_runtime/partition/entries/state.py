"""State of a key: written by its one writer and by operators, read by all its handlers."""

from collections.abc import Mapping
from hashlib import blake2b

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    ClearStateCommand,
    GetStateCommand,
    SetStateCommand,
    StateKeys,
    StateValue,
)

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import EditRefused, EditState
from perdure_runtime.partition.lifecycle.complete import complete
from perdure_runtime.partition.rows import Invocation, Running


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


def on_edit_state(draft: Draft, edit: EditState) -> None:
    """An operator changes some names. Raises EditRefused."""
    lock = draft.object(edit.service, edit.key)
    holder = draft.invocation(lock.holder) if lock is not None else None
    if holder is not None and isinstance(holder.status, Running):
        # It has a copy of the state, and would go on with that.
        raise EditRefused(f"{holder.id} is running and writes this key: pause it first, or wait until it has ended")
    found = state_version(draft.state(edit.service, edit.key))
    if found != edit.version:
        raise EditRefused(
            f"the state of {edit.service} {edit.key!r} has changed since you read it: its version is "
            f"{found or 'empty'}, not {edit.version or 'empty'}; read it again, and edit that"
        )
    for name, value in edit.changes:
        draft.put_state(edit.service, edit.key, name, value)


def state_version(values: Mapping[str, bytes]) -> str:
    """Names what a key's state holds: other values have another version. Empty for no state."""
    if not values:
        return ""
    digest = blake2b(digest_size=12)
    for name in sorted(values):
        for part in (name.encode(), values[name]):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()
