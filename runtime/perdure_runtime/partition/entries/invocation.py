"""What a handler asks of other invocations: to attach to them, to look at them, to signal or to cancel them.

Where the other one is in another partition, the question goes there and the answer comes back, each as a message.
"""

from collections.abc import Mapping

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    CallCommand,
    CancelCommand,
    Entry,
    Failure,
    InvocationName,
    OutputCommand,
    SendSignalCommand,
)

from perdure_runtime.partition import ids
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.entries.awakeable import answer_complete_awakeable
from perdure_runtime.partition.entries.signal import give_signal
from perdure_runtime.partition.lifecycle.cancel import cancel, cancel_call
from perdure_runtime.partition.lifecycle.complete import complete, result_of
from perdure_runtime.partition.lifecycle.crowd import listen
from perdure_runtime.partition.lifecycle.respond import respond
from perdure_runtime.partition.lifecycle.wire import caller_message, caller_of, target_of
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Caller, Ended, IdempotencyKey, Invocation

# google.rpc.Code
NOT_FOUND = 5


def on_question(draft: Draft, caller: Caller, entry: Entry) -> None:
    """Completes with the answer of another invocation, now or later."""
    here, there = draft.placement.of_invocation(caller.invocation_id), _whereabouts(entry, draft.placement)
    if draft.is_near(here, there):
        _answer(draft, there, caller, entry)
    else:
        ask = message_pb2.Ask(caller=caller_message(caller), command=entry)
        draft.send(here, there, message_pb2.Message(ask=ask))


def on_ask(draft: Draft, here: int, ask: message_pb2.Ask) -> None:
    """A handler in another partition asks something of an invocation in this one."""
    _answer(draft, here, caller_of(ask.caller), ask.command)


def on_cancel(draft: Draft, caller: Caller, entry: Entry, calls: Mapping[int, CallCommand]) -> None:
    """Cancels another invocation; what has ended is left as it is. ``calls`` are the open ones of this invocation."""
    if entry.cancel.HasField("name"):
        on_question(draft, caller, entry)
        return
    called = entry.cancel.call
    complete(draft, caller.invocation_id, caller.command, b"")
    if called in calls:
        cancel_call(draft, Caller(caller.invocation_id, called), calls[called])


def _whereabouts(entry: Entry, placement: Placement) -> int:
    """The partition that can answer."""
    match entry.WhichOneof("entry"):
        case "attach":
            name = entry.attach.invocation
        case "output":
            name = entry.output.invocation
        case "send_signal":
            name = entry.send_signal.invocation
        case "cancel":
            name = entry.cancel.name
        case _:
            return placement.of_invocation(ids.of_awakeable(entry.complete_awakeable.id) or "")
    if name.HasField("workflow"):
        return placement.of_name(_run_of(name))
    return placement.of_invocation(name.invocation_id)


def _answer(draft: Draft, here: int, caller: Caller, entry: Entry) -> None:
    kind = entry.WhichOneof("entry")
    match kind:
        case "attach":
            _answer_attach(draft, here, caller, entry.attach)
        case "output":
            _answer_output(draft, here, caller, entry.output)
        case "send_signal":
            _answer_send_signal(draft, here, caller, entry.send_signal)
        case "cancel":
            _answer_cancel(draft, here, caller, entry.cancel)
        case "complete_awakeable":
            answer_complete_awakeable(draft, here, caller, entry.complete_awakeable)
        case _:
            raise AssertionError(f"{kind} asks nothing of another invocation")


def _answer_attach(draft: Draft, here: int, caller: Caller, command: AttachCommand) -> None:
    other = _find(draft, command.invocation)
    if other is None:
        respond(draft, here, caller, _unknown(command.invocation))
    elif isinstance(other.status, Ended):
        respond(draft, here, caller, result_of(other.status.outcome))
    else:
        listen(draft, other.id, caller)


def _answer_output(draft: Draft, here: int, caller: Caller, command: OutputCommand) -> None:
    other = _find(draft, command.invocation)
    if other is None:
        respond(draft, here, caller, _unknown(command.invocation))
    elif isinstance(other.status, Ended):
        respond(draft, here, caller, other.status.outcome.SerializeToString())
    else:
        respond(draft, here, caller, b"")


def _answer_send_signal(draft: Draft, here: int, caller: Caller, command: SendSignalCommand) -> None:
    other = _find(draft, command.invocation)
    if other is not None and give_signal(draft, other.id, command.name, command.result):
        respond(draft, here, caller, b"")
    else:
        respond(draft, here, caller, _unknown(command.invocation, " that has not ended"))


def _answer_cancel(draft: Draft, here: int, caller: Caller, command: CancelCommand) -> None:
    other = _find(draft, command.name)
    if other is None:
        respond(draft, here, caller, _unknown(command.name))
        return
    respond(draft, here, caller, b"")
    cancel(draft, other.id)


def _find(draft: Draft, name: InvocationName) -> Invocation | None:
    if name.HasField("workflow"):
        run = draft.idempotent(_run_of(name))
        return None if run is None else draft.invocation(run)
    return draft.invocation(name.invocation_id)


def _run_of(name: InvocationName) -> IdempotencyKey:
    return IdempotencyKey(target_of(name.workflow), "")


def _unknown(name: InvocationName, which: str = "") -> Failure:
    if name.HasField("workflow"):
        message = f"workflow {name.workflow.service} has no run{which} for id {name.workflow.key!r}"
    else:
        message = f"there is no invocation {name.invocation_id[:100]!r}{which}"
    return Failure(code=NOT_FOUND, message=message)
