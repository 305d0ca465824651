"""The state of a key, as one attempt reads and writes it."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    Entry,
    GetStateCommand,
    GetStateKeysCommand,
    StateKeys,
    StateValue,
)

from perdure.errors import JournalMismatch
from perdure.futures import DurableFuture
from perdure.vm.machine import Machine

T = TypeVar("T")


class StateOwner(Protocol):
    """The attempt whose state it is."""

    machine: Machine

    def check_usable(self, operation: str) -> None:
        """Whether the handler may do something durable now. Raises UsageError, asyncio.CancelledError."""

    def issue(self, operation: str, entry: Entry, restore: Callable[[bytes], T]) -> DurableFuture[T]:
        """Issues a command."""

    def flush(self) -> None:
        """Sends what the machine has for the node."""

    def fail(self, error: BaseException) -> None:
        """The attempt fails."""


class AttemptState:
    """Implements ``state.StateStore``: what came with the attempt at once, the rest by commands."""

    def __init__(self, attempt: StateOwner) -> None:
        self._attempt = attempt

    async def load_state(self, name: str) -> bytes | None:
        """The value of a key, None where it is not set."""
        attempt = self._attempt
        attempt.check_usable("state")
        if attempt.machine.reads_by_command(name):
            entry = Entry(get_state=GetStateCommand(name=name))
            attempt.machine.learn_state(name, await attempt.issue("state", entry, _value))
        return self._use(lambda: attempt.machine.read_state(name))

    async def state_keys(self) -> list[str]:
        """The keys that are set, sorted."""
        entry = Entry(get_state_keys=GetStateKeysCommand())
        return await self._attempt.issue("state", entry, lambda keys: list(StateKeys.FromString(keys).names))

    def write_state(self, name: str, value: bytes | None) -> None:
        """Sets a key, or removes it with None."""
        self._attempt.check_usable("state")
        self._use(lambda: self._attempt.machine.write_state(name, value))

    def clear_state(self) -> None:
        """Removes all keys."""
        self._attempt.check_usable("state")
        self._use(self._attempt.machine.clear_state)

    def _use(self, use: Callable[[], T]) -> T:
        try:
            result = use()
        except JournalMismatch as mismatch:
            self._attempt.fail(mismatch)
            raise
        self._attempt.flush()
        return result


def _value(value: bytes) -> bytes | None:
    stored = StateValue.FromString(value)
    return stored.value if stored.HasField("value") else None
