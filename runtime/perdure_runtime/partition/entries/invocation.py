"""What a handler asks of other invocations: to attach to them, to look at them, to signal or to cancel them."""

from collections.abc import Mapping

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    CancelCommand,
    Failure,
    InvocationName,
    OutputCommand,
    SendSignalCommand,
)

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.entries.signal import give_signal
from perdure_runtime.partition.lifecycle.cancel import cancel
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.crowd import listen
from perdure_runtime.partition.rows import Caller, Ended, IdempotencyKey, Invocation, Target

# google.rpc.Code
NOT_FOUND = 5


def on_attach(draft: Draft, invocation: Invocation, ordinal: int, command: AttachCommand) -> None:
    """Completes with the outcome, now or later."""
    other = _find(draft, command.invocation)
    if other is None:
        complete(draft, invocation.id, ordinal, _unknown(command.invocation))
    elif isinstance(other.status, Ended):
        complete(draft, invocation.id, ordinal, result_of(other.status.outcome))
    else:
        listen(draft, other.id, Caller(invocation.id, ordinal))


def on_output(draft: Draft, invocation: Invocation, ordinal: int, command: OutputCommand) -> None:
    """Completes with what there is."""
    other = _find(draft, command.invocation)
    if other is None:
        complete(draft, invocation.id, ordinal, _unknown(command.invocation))
    elif isinstance(other.status, Ended):
        complete(draft, invocation.id, ordinal, other.status.outcome.SerializeToString())
    else:
        complete(draft, invocation.id, ordinal, b"")


def on_send_signal(draft: Draft, invocation: Invocation, ordinal: int, command: SendSignalCommand) -> None:
    """Gives it the signal."""
    other = _find(draft, command.invocation)
    if other is not None and give_signal(draft, other.id, command.name, command.result):
        complete(draft, invocation.id, ordinal, b"")
    else:
        complete(draft, invocation.id, ordinal, _unknown(command.invocation, " that has not ended"))


def on_cancel(
    draft: Draft, invocation: Invocation, ordinal: int, command: CancelCommand, calls: Mapping[int, str]
) -> None:
    """Cancels it; what has ended is left as it is. ``calls`` are the open ones of this invocation."""
    if command.HasField("call"):
        callee = calls.get(command.call)
        complete(draft, invocation.id, ordinal, b"")
        if callee is not None:
            cancel(draft, callee)
        return
    other = _find(draft, command.name)
    if other is None:
        complete(draft, invocation.id, ordinal, _unknown(command.name))
        return
    complete(draft, invocation.id, ordinal, b"")
    cancel(draft, other.id)


def _find(draft: Draft, name: InvocationName) -> Invocation | None:
    if name.HasField("workflow"):
        target = Target(name.workflow.service, name.workflow.handler, name.workflow.key)
        run = draft.idempotent(IdempotencyKey(target, ""))
        return None if run is None else draft.invocation(run)
    return draft.invocation(name.invocation_id)


def _unknown(name: InvocationName, which: str = "") -> Failure:
    if name.HasField("workflow"):
        message = f"workflow {name.workflow.service} has no run{which} for id {name.workflow.key!r}"
    else:
        message = f"there is no invocation {name.invocation_id[:100]!r}{which}"
    return Failure(code=NOT_FOUND, message=message)
