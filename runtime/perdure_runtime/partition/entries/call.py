"""Calls and sends: a command that makes another invocation."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, SendCommand

from perdure_runtime.partition import ids
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.lifecycle.arrive import arrive
from perdure_runtime.partition.lifecycle.complete import complete
from perdure_runtime.partition.lifecycle.end import result_of
from perdure_runtime.partition.rows import Caller, Ended, Target


def on_call(draft: Draft, command: Command, call: CallCommand) -> None:
    """The outcome of the called invocation completes the command, now or later."""
    caller = Caller(command.invocation_id, command.command)
    callee, is_new = _arrive(draft, command, call, delay_ms=0, caller=caller)
    if is_new:
        return
    existing = draft.invocation(callee)
    if existing is not None and isinstance(existing.status, Ended):
        complete(draft, caller.invocation_id, caller.command, result_of(existing.status.outcome))
    else:
        draft.listen(callee, caller)


def on_send(draft: Draft, command: Command, send: SendCommand) -> None:
    """The command completes at once, with the id of the invocation that it made."""
    sent, _ = _arrive(draft, command, send, delay_ms=send.delay_ms, caller=None)
    complete(draft, command.invocation_id, command.command, sent.encode())


def _arrive(
    draft: Draft, command: Command, order: CallCommand | SendCommand, delay_ms: int, caller: Caller | None
) -> tuple[str, bool]:
    target = Target(order.target.service, order.target.handler, order.target.key)
    new_id = ids.child(draft.now_ms, command.invocation_id, command.command, target.service, target.key)
    arrived = arrive(
        draft,
        new_id=new_id,
        target=target,
        exclusive=command.exclusive,
        input=order.input,
        headers=tuple(sorted(order.headers.items())),
        idempotency_key=order.idempotency_key,
        delay_ms=delay_ms,
        caller=caller,
    )
    return arrived, arrived == new_id
