"""Promises of a workflow: resolved or rejected once, seen by all its handlers."""

from collections.abc import Iterable

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    CompletePromiseCommand,
    Failure,
    GetPromiseCommand,
    Outcome,
    PeekPromiseCommand,
)

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.input import EditRefused, SettlePromise
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.crowd import ended
from perdure_runtime.partition.rows import Caller, Invocation, PromiseRow

# google.rpc.Code.ALREADY_EXISTS
ALREADY_EXISTS = 6


def on_get_promise(draft: Draft, invocation: Invocation, ordinal: int, command: GetPromiseCommand) -> None:
    """Completes with the result, now or once there is one."""
    target = invocation.target
    promise = draft.promise(target.service, target.key, command.name)
    if promise.result is not None:
        complete(draft, invocation.id, ordinal, result_of(promise.result))
    else:
        gone = set(ended(draft, promise.waiting))
        left = promise.waiting if not gone else (caller for caller in promise.waiting if caller not in gone)
        waiting = (*left, Caller(invocation.id, ordinal))
        draft.put_promise(target.service, target.key, command.name, PromiseRow(waiting=waiting))


def on_peek_promise(draft: Draft, invocation: Invocation, ordinal: int, command: PeekPromiseCommand) -> None:
    """Completes with what there is."""
    result = draft.promise(invocation.target.service, invocation.target.key, command.name).result
    complete(draft, invocation.id, ordinal, b"" if result is None else result.SerializeToString())


def on_settle_promise(draft: Draft, settle: SettlePromise) -> None:
    """Somebody outside gives a promise its result. Raises EditRefused where it has one."""
    waiting = _settle(draft, settle.service, settle.key, settle.name, settle.result)
    if waiting is None:
        raise EditRefused(f"promise {settle.name!r} of {settle.service} {settle.key!r} has its result, and keeps it")
    _tell(draft, waiting, settle.result)


def on_complete_promise(draft: Draft, invocation: Invocation, ordinal: int, command: CompletePromiseCommand) -> None:
    """Gives the promise its result, and the result to all who wait; a promise that has one keeps it."""
    target = invocation.target
    waiting = _settle(draft, target.service, target.key, command.name, command.result)
    if waiting is None:
        taken = Failure(
            code=ALREADY_EXISTS, message=f"promise {command.name!r} of {target.service} {target.key!r} has its result"
        )
        complete(draft, invocation.id, ordinal, taken)
        return
    complete(draft, invocation.id, ordinal, b"")
    _tell(draft, waiting, command.result)


def _settle(draft: Draft, service: str, key: str, name: str, result: Outcome) -> tuple[Caller, ...] | None:
    """Gives a promise its result, and says who waits for that; None where it has one, which it keeps."""
    promise = draft.promise(service, key, name)
    if promise.result is not None:
        return None
    draft.put_promise(service, key, name, PromiseRow(result))
    return promise.waiting


def _tell(draft: Draft, waiting: Iterable[Caller], result: Outcome) -> None:
    for caller in waiting:
        complete(draft, caller.invocation_id, caller.command, result_of(result))
