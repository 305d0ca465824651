"""First frames, machines that have theirs, and entries that only this side tells stories with."""

from collections.abc import Mapping

from perdure.vm.machine import Cancelled, Machine, Settled
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AwaitSignalCommand,
    AwakeableCommand,
    Cancellation,
    ClearAllStateCommand,
    Entry,
    GetStateCommand,
    GetStateKeysCommand,
    StateValue,
)
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

CREATED_MS = 1_700_000_000_000
WORD = "shop.v1.Word"

CLEAR_ALL = Entry(clear_all_state=ClearAllStateCommand())
KEYS = Entry(get_state_keys=GetStateKeysCommand())
# What is no command stands in a journal where it came in.
NOTIFICATIONS = frozenset({"completion", "step_failure", "signal", "cancellation"})


def start(*journal: Entry, state: Mapping[str, bytes] | None = None, partial: bool = False) -> Start:
    """The first frame of an attempt."""
    return Start(
        invocation_id="inv_a",
        attempt=1,
        created_at_ms=CREATED_MS,
        journal=journal,
        state=dict(state or {}),
        partial_state=partial,
    )


def machine(*journal: Entry, state: Mapping[str, bytes] | None = None, partial: bool = False) -> Machine:
    """A machine that continues a journal."""
    return Machine(start(*journal, state=state, partial=partial))


def seen(machine: Machine) -> list[Settled | Cancelled]:
    """All news that a handler which waits sees now."""
    news = []
    while (each := machine.next_settled()) is not None:
        news.append(each)
    return news


def is_command(entry: Entry) -> bool:
    """Whether a handler issued it."""
    return entry.WhichOneof("entry") not in NOTIFICATIONS


def cancellation(at_ms: int = CREATED_MS) -> Entry:
    """The invocation was cancelled."""
    return Entry(cancellation=Cancellation(at_ms=at_ms))


def awakeable(id: str, type: str = WORD) -> Entry:
    """An awakeable in a journal."""
    return Entry(awakeable=AwakeableCommand(id=id, type=type))


def await_signal(name: str) -> Entry:
    """A wait for a signal."""
    return Entry(await_signal=AwaitSignalCommand(name=name, type=WORD))


def get_state(name: str) -> Entry:
    """A read of what did not come with the attempt."""
    return Entry(get_state=GetStateCommand(name=name))


def state_value(value: bytes | None) -> bytes:
    """What it gives."""
    return StateValue(value=value).SerializeToString()
