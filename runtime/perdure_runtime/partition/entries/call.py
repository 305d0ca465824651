"""Calls and sends: a command that makes another invocation."""

from dataclasses import replace
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, Failure, SendCommand

from perdure_runtime.partition import ids
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Command
from perdure_runtime.partition.lifecycle.arrive import Arrived, Existing, Taken, arrive
from perdure_runtime.partition.lifecycle.cancel import cancel
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.crowd import listen
from perdure_runtime.partition.rows import Caller, Cancel, Ended, Invocation, Target

# google.rpc.Code.ALREADY_EXISTS
ALREADY_EXISTS = 6


def on_call(draft: Draft, invocation: Invocation, command: Command, call: CallCommand) -> None:
    """The outcome of the called invocation completes the command, now or later."""
    caller = Caller(invocation.id, command.command)
    arrived = _arrive(draft, command, call, delay_ms=0, caller=caller)
    journaled = Entry()
    journaled.CopyFrom(command.entry)
    journaled.call.invocation_id = arrived.invocation_id
    journaled.call.kept = command.cancellation_accepted
    draft.append(invocation.id, journaled)
    match arrived:
        case Taken():
            complete(draft, invocation.id, command.command, _taken(call))
        case Existing(existing_id):
            existing = draft.invocation(existing_id)
            if existing is not None and isinstance(existing.status, Ended):
                complete(draft, invocation.id, command.command, result_of(existing.status.outcome))
            else:
                listen(draft, existing_id, caller)
        case Arrived(callee) if invocation.cancel is not Cancel.NONE and not command.cancellation_accepted:
            # The handler does not know of its cancellation yet. When it is told, nothing of its must go on.
            if invocation.cancel is Cancel.CALLEES:
                draft.put(replace(invocation, callees=invocation.callees + 1))
            cancel(draft, callee)
        case Arrived():
            pass  # Its outcome completes the command.
        case _:
            assert_never(arrived)


def on_send(draft: Draft, invocation: Invocation, command: Command, send: SendCommand) -> None:
    """The command completes at once, with the id of the invocation that it made."""
    draft.append(invocation.id, command.entry)
    arrived = _arrive(draft, command, send, delay_ms=send.delay_ms, caller=None)
    result = _taken(send) if isinstance(arrived, Taken) else arrived.invocation_id.encode()
    complete(draft, invocation.id, command.command, result)


def _arrive(
    draft: Draft, command: Command, order: CallCommand | SendCommand, delay_ms: int, caller: Caller | None
) -> Arrived | Existing | Taken:
    target = Target(order.target.service, order.target.handler, order.target.key)
    return arrive(
        draft,
        new_id=ids.child(draft.now_ms, command.invocation_id, command.command, target.service, target.key),
        target=target,
        mode=command.mode,
        input=order.input,
        headers=tuple(sorted(order.headers.items())),
        idempotency_key=order.idempotency_key,
        delay_ms=delay_ms,
        must_be_new=order.must_be_new,
        caller=caller,
    )


def _taken(order: CallCommand | SendCommand) -> Failure:
    target = order.target
    return Failure(code=ALREADY_EXISTS, message=f"workflow {target.service} has already run for id {target.key!r}")
