"""Signals: the waits of a handler and what is sent to it meet by name, each in its order."""

from collections.abc import Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome, Signal

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import SignalInvocation
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.rows import Ended, Invocation


def on_await_signal(draft: Draft, invocation: Invocation, ordinal: int, early: Sequence[Outcome] | None) -> None:
    """Takes the oldest signal of the name that has come; else the next one completes the wait."""
    if early:
        complete(draft, invocation.id, ordinal, result_of(early[0]))


def on_signal(draft: Draft, signal: SignalInvocation) -> None:
    """Somebody outside sends one."""
    give_signal(draft, signal.invocation_id, signal.name, signal.result)


def give_signal(draft: Draft, invocation_id: str, name: str, result: Outcome) -> bool:
    """Completes the oldest wait for the name, or keeps the signal for the next; false where nobody can get it."""
    invocation = draft.invocation(invocation_id)
    if invocation is None or isinstance(invocation.status, Ended):
        return False
    waits = draft.journal(invocation_id).signal_waits.get(name)
    if waits:
        complete(draft, invocation_id, waits[0], result_of(result))
    else:
        draft.append(invocation_id, Entry(signal=Signal(name=name, result=result)))
    return True
