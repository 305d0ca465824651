"""First frames, and machines that have theirs."""

from collections.abc import Mapping

from perdure.vm.machine import Machine, Settled
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

CREATED_MS = 1_700_000_000_000


def start(*journal: Entry, state: Mapping[str, bytes] | None = None) -> Start:
    """The first frame of an attempt."""
    return Start(invocation_id="inv_a", attempt=1, created_at_ms=CREATED_MS, journal=journal, state=dict(state or {}))


def machine(*journal: Entry, state: Mapping[str, bytes] | None = None) -> Machine:
    """A machine that continues a journal."""
    return Machine(start(*journal, state=state))


def seen(machine: Machine) -> list[Settled]:
    """All results that a handler which waits sees now."""
    results = []
    while (settled := machine.next_settled()) is not None:
        results.append(settled)
    return results
