"""Calls and sends: a command that makes another invocation."""

from dataclasses import dataclass, replace

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, Failure, SendCommand

from perdure_runtime.partition import ids
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import Command, Submit
from perdure_runtime.partition.lifecycle.arrive import Arrived, Existing, Taken, arrive
from perdure_runtime.partition.lifecycle.callees import call_message, stop_waiting
from perdure_runtime.partition.lifecycle.cancel import cancel, send_cancel
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.crowd import listen
from perdure_runtime.partition.lifecycle.respond import respond
from perdure_runtime.partition.lifecycle.wire import (
    caller_message,
    caller_of,
    mode_message,
    mode_of,
    target_message,
    target_of,
)
from perdure_runtime.partition.rows import Caller, Cancel, Ended, IdempotencyKey, Invocation, Target, due_after

# google.rpc.Code.ALREADY_EXISTS
ALREADY_EXISTS = 6


@dataclass(frozen=True, slots=True)
class Underway:
    """The call is on its way to another partition, where it gets this id if it is new."""

    invocation_id: str


def on_call(draft: Draft, invocation: Invocation, command: Command, call: CallCommand) -> None:
    """The outcome of the called invocation completes the command, now or later."""
    caller = Caller(invocation.id, command.command)
    order = _order(draft, command, call, delay_ms=0)
    arrived = _dispatch(draft, order, caller, is_call=True)
    journaled = Entry()
    journaled.CopyFrom(command.entry)
    journaled.call.invocation_id = arrived.invocation_id
    journaled.call.kept = command.cancellation_accepted
    draft.append(invocation.id, journaled)
    # The handler may not know of its cancellation yet. When it is told, nothing of its must go on.
    is_cancelled = invocation.cancel is not Cancel.NONE and not command.cancellation_accepted
    is_waited_for = is_cancelled and invocation.cancel is Cancel.CALLEES
    if is_waited_for:
        draft.put(replace(invocation, callees=invocation.callees + 1))
    if isinstance(arrived, Existing | Taken):
        _join(draft, order, caller, arrived)
        if is_waited_for:
            stop_waiting(draft, caller)
    elif is_cancelled and isinstance(arrived, Underway):
        send_cancel(draft, call_message(caller, journaled.call), asked_for=False)
    elif is_cancelled:
        cancel(draft, arrived.invocation_id)


def on_send(draft: Draft, invocation: Invocation, command: Command, send: SendCommand) -> None:
    """The command completes with the id of the invocation that it made, once whoever asks for it by that finds it."""
    draft.append(invocation.id, command.entry)
    order = _order(draft, command, send, send.delay_ms)
    arrived = _dispatch(draft, order, Caller(invocation.id, command.command), is_call=False)
    if not isinstance(arrived, Underway):
        complete(draft, invocation.id, command.command, _id_or_failure(order, arrived))


def on_invoke(draft: Draft, invoke: message_pb2.Invoke) -> None:
    """A handler in another partition calls or sends."""
    caller = caller_of(invoke.caller)
    order = Submit(
        id=invoke.new_id,
        target=target_of(invoke.target),
        mode=mode_of(invoke.mode),
        input=invoke.input,
        headers=tuple(sorted(invoke.headers.items())),
        idempotency_key=invoke.idempotency_key,
        delay_ms=max(0, invoke.due_ms - draft.now_ms),
        must_be_new=invoke.must_be_new,
    )
    arrived = arrive(draft, order, caller if invoke.is_call else None)
    if not invoke.is_call:
        respond(draft, draft.placement.of_invocation(order.id), caller, _id_or_failure(order, arrived))
    elif not isinstance(arrived, Arrived):
        _join(draft, order, caller, arrived)


def _order(draft: Draft, command: Command, order: CallCommand | SendCommand, delay_ms: int) -> Submit:
    target, key = target_of(order.target), order.idempotency_key
    if target.key:
        place = ids.place_of_key(target.service, target.key)
    elif key:
        place = ids.place_of_name(IdempotencyKey(target, key))
    else:
        # Whatever holds for both lies in one partition then.
        place = ids.place_of(command.invocation_id)
    return Submit(
        id=ids.child(draft.now_ms, command.invocation_id, command.command, place),
        target=target,
        mode=command.mode,
        input=order.input,
        headers=tuple(sorted(order.headers.items())),
        idempotency_key=key,
        delay_ms=delay_ms,
        must_be_new=order.must_be_new,
    )


def _dispatch(draft: Draft, order: Submit, caller: Caller, *, is_call: bool) -> Arrived | Existing | Taken | Underway:
    here, there = draft.placement.of_invocation(caller.invocation_id), draft.placement.of_invocation(order.id)
    if draft.is_near(here, there):
        return arrive(draft, order, caller if is_call else None)
    draft.send(here, there, message_pb2.Message(invoke=_invoke(order, caller, draft.now_ms, is_call=is_call)))
    return Underway(order.id)


def _invoke(order: Submit, caller: Caller, now_ms: int, *, is_call: bool) -> message_pb2.Invoke:
    return message_pb2.Invoke(
        caller=caller_message(caller),
        is_call=is_call,
        new_id=order.id,
        target=target_message(order.target),
        mode=mode_message(order.mode),
        input=order.input,
        headers=dict(order.headers),
        idempotency_key=order.idempotency_key,
        # However long the message takes: the delay counts from now.
        due_ms=due_after(now_ms, order.delay_ms) if order.delay_ms > 0 else 0,
        must_be_new=order.must_be_new,
    )


def _join(draft: Draft, order: Submit, caller: Caller, arrived: Existing | Taken) -> None:
    """Gives a call the outcome of an older invocation, now or later, or says that it may not have that."""
    here = draft.placement.of_invocation(order.id)
    if isinstance(arrived, Taken):
        respond(draft, here, caller, _taken(order.target))
        return
    existing = draft.invocation(arrived.invocation_id)
    if existing is not None and isinstance(existing.status, Ended):
        respond(draft, here, caller, result_of(existing.status.outcome))
    else:
        listen(draft, arrived.invocation_id, caller)


def _id_or_failure(order: Submit, arrived: Arrived | Existing | Taken) -> bytes | Failure:
    return _taken(order.target) if isinstance(arrived, Taken) else arrived.invocation_id.encode()


def _taken(target: Target) -> Failure:
    return Failure(code=ALREADY_EXISTS, message=f"workflow {target.service} has already run for id {target.key!r}")
