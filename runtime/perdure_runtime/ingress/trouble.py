"""What the node says against a question, in the words of callers."""

from typing import TypeAlias, assert_never

from grpclib.const import Status

from perdure_runtime.ingress.port import (
    AlreadyExists,
    EndpointUnavailable,
    HasEnded,
    InDoubt,
    InvocationName,
    NodeStops,
    NotAccepted,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
)
from perdure_runtime.ingress.refusal import Refusal

Trouble: TypeAlias = (
    AlreadyExists | EndpointUnavailable | HasEnded | NodeStops | NotAccepted | UnknownAwakeable | UnknownInvocation
)
# The same, to be caught.
TROUBLES = (AlreadyExists, EndpointUnavailable, HasEnded, NodeStops, NotAccepted, UnknownAwakeable, UnknownInvocation)
# Ids of callers are echoed, but not at length.
LONGEST_NAME = 100


def refusal_of(error: Trouble, name: InvocationName) -> Refusal:
    """The refusal that an error of the node is; ``name`` is what was asked about."""
    match error:
        case EndpointUnavailable() | NodeStops():
            return Refusal(Status.UNAVAILABLE, str(error), invocation_id=error.invocation_id)
        case InDoubt():
            return Refusal(Status.UNAVAILABLE, str(error))
        case NotAccepted():
            return Refusal(Status.UNAVAILABLE, f"it was not accepted: {error}; try again")
        case AlreadyExists():
            return Refusal(
                Status.ALREADY_EXISTS,
                f"this workflow id has run: it is invocation {error.invocation_id}. Attach to that, choose another id, "
                "or leave perdure-must-be-new out",
                invocation_id=error.invocation_id,
            )
        case HasEnded():
            sentence = f"{shown(name)} has ended: it takes no signals any more; its output tells how it ended"
            return Refusal(Status.FAILED_PRECONDITION, sentence, http_status=409)
        case UnknownInvocation() if isinstance(name, WorkflowId):
            return Refusal(Status.NOT_FOUND, f"{shown(name)} has not run, or its retention is over")
        case UnknownInvocation():
            sentence = f"there is no invocation {_short(name)}: it never existed, or its retention is over"
            return Refusal(Status.NOT_FOUND, sentence)
        case UnknownAwakeable():
            sentence = f"there is no awakeable {_short(name)}: it never existed, or its invocation has ended"
            return Refusal(Status.NOT_FOUND, sentence)
        case _:
            assert_never(error)


def shown(name: InvocationName) -> str:
    """An invocation in a sentence."""
    if isinstance(name, WorkflowId):
        return f"workflow {_short(name.id)} of {name.service[:LONGEST_NAME]}"
    return f"invocation {name[:LONGEST_NAME]}"


def _short(name: InvocationName) -> str:
    return repr(str(name)[:LONGEST_NAME])
