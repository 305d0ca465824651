"""Answers go back to the command that asked, wherever its invocation is."""

from perdure_protos.perdure.peer.v1.message_pb2 import ForeignCall, Message, Result
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.lifecycle.callees import stop_waiting, take_result
from perdure_runtime.partition.lifecycle.complete import outcome_of
from perdure_runtime.partition.lifecycle.wire import caller_message
from perdure_runtime.partition.rows import Caller


def respond(draft: Draft, here: int, caller: Caller, result: bytes | Failure) -> None:
    """Gives a command the result that ``here`` has for it."""
    there = draft.placement.of_invocation(caller.invocation_id)
    if draft.is_near(here, there):
        take_result(draft, caller, result)
    else:
        draft.send(here, there, Message(result=Result(caller=caller_message(caller), outcome=outcome_of(result))))


def disown(draft: Draft, here: int, caller: Caller) -> None:
    """Tells a cancelled caller that ``here`` has nothing of its call to wait for."""
    there = draft.placement.of_invocation(caller.invocation_id)
    if draft.is_near(here, there):
        stop_waiting(draft, caller)
    else:
        draft.send(here, there, Message(foreign_call=ForeignCall(caller=caller_message(caller))))
