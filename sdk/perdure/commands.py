"""What handlers ask for, as the journal has it."""

from datetime import timedelta
from typing import Any

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    CallCommand,
    CancelCommand,
    CompleteAwakeableCommand,
    CompletePromiseCommand,
    Entry,
    Outcome,
    OutputCommand,
    SendCommand,
    SendSignalCommand,
    SleepCommand,
    Target,
)
from perdure_protos.perdure.protocol.v1.journal_pb2 import InvocationName as JournaledName
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.calls import Call, InvocationName, WorkflowRun
from perdure.errors import UsageError
from perdure.failures import milliseconds
from perdure.tracing import with_call, with_send


def call(call: Call[Any], start: Start) -> Entry:
    """Calls a handler and waits for it, from the invocation that begins so."""
    return Entry(
        call=CallCommand(
            target=Target(service=call.service, handler=call.handler, key=call.key),
            input=call.payload,
            idempotency_key=call.idempotency_key,
            headers=with_call(call.headers, start),
            must_be_new=call.must_be_new,
        )
    )


def send(call: Call[Any], start: Start) -> Entry:
    """Calls a handler without waiting, from the invocation that begins so."""
    return Entry(
        send=SendCommand(
            target=Target(service=call.service, handler=call.handler, key=call.key),
            input=call.payload,
            idempotency_key=call.idempotency_key,
            headers=with_send(call.headers, start),
            delay_ms=milliseconds(call.delay),
            must_be_new=call.must_be_new,
        )
    )


def sleep(duration: timedelta) -> Entry:
    """Waits for a while.

    Raises:
        UsageError: It is no while.
    """
    if not isinstance(duration, timedelta):
        raise UsageError(f"a durable wait takes a timedelta, such as timedelta(seconds=5), not {duration!r}")
    if duration < timedelta(0):
        raise UsageError(f"a durable wait cannot be negative, as {duration!r} is")
    return Entry(sleep=SleepCommand(duration_ms=milliseconds(duration)))


def attach(name: InvocationName) -> Entry:
    """Waits for the end of an invocation."""
    return Entry(attach=AttachCommand(invocation=_named(name)))


def output(name: InvocationName) -> Entry:
    """Looks at the end of an invocation."""
    return Entry(output=OutputCommand(invocation=_named(name)))


def cancel(name: InvocationName) -> Entry:
    """Cancels an invocation."""
    return Entry(cancel=CancelCommand(name=_named(name)))


def cancel_call(command: int) -> Entry:
    """Cancels what a call of the handler has become."""
    return Entry(cancel=CancelCommand(call=command))


def send_signal(name: InvocationName, signal: str, payload: bytes) -> Entry:
    """Gives an invocation a signal.

    Raises:
        UsageError: The signal has no name.
    """
    check_signal_name(signal)
    return Entry(send_signal=SendSignalCommand(invocation=_named(name), name=signal, result=Outcome(value=payload)))


def complete_awakeable(awakeable_id: str, result: Outcome) -> Entry:
    """Resolves or rejects an awakeable.

    Raises:
        UsageError: The id is none.
    """
    check_awakeable_id(awakeable_id)
    return Entry(complete_awakeable=CompleteAwakeableCommand(id=awakeable_id, result=result))


def complete_promise(name: str, result: Outcome) -> Entry:
    """Resolves or rejects a promise."""
    return Entry(complete_promise=CompletePromiseCommand(name=name, result=result))


def check_awakeable_id(awakeable_id: str) -> None:
    """Raises UsageError where this cannot be the id of an awakeable."""
    if not isinstance(awakeable_id, str) or not awakeable_id.startswith("awk_"):
        raise UsageError(f"{awakeable_id!r} is no id of an awakeable: take the .id of ctx.awakeable(...)")


def check_signal_name(signal: str) -> None:
    """Raises UsageError where this is no name of a signal."""
    if not isinstance(signal, str) or not signal:
        raise UsageError(f"{signal!r} is no name of a signal: use a text that is not empty")


def nothing(value: bytes) -> None:
    """The result of a command that has only to be done."""


def _named(name: InvocationName) -> JournaledName:
    if isinstance(name, WorkflowRun):
        return JournaledName(workflow=Target(service=name.service, handler=name.handler, key=name.id))
    return JournaledName(invocation_id=name)
