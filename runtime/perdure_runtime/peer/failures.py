"""Errors on their way between nodes: what residents raise at one is raised at the other, with all that is in it."""

import logging

from perdure_protos.perdure.peer.v1.peer_pb2 import Failure

from perdure_runtime.ingress.port import (
    AlreadyExists,
    EndpointUnavailable,
    HasEnded,
    InDoubt,
    InvocationName,
    NodeStops,
    NotAccepted,
    NotPaused,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
    WrongStatus,
)
from perdure_runtime.peer.port import Moved
from perdure_runtime.peer.vocabulary import read_name, write_name
from perdure_runtime.storage.api import StorageFailure

# Errors with nothing in them but their words; of two that are of one kind the more special one stands first.
_IN_WORDS: "dict[type[Exception], Failure.Kind.ValueType]" = {
    InDoubt: Failure.KIND_IN_DOUBT,
    NotAccepted: Failure.KIND_NOT_ACCEPTED,
    HasEnded: Failure.KIND_HAS_ENDED,
    UnknownAwakeable: Failure.KIND_UNKNOWN_AWAKEABLE,
    NotPaused: Failure.KIND_NOT_PAUSED,
    WrongStatus: Failure.KIND_WRONG_STATUS,
}
_BY_KIND = {kind: error for error, kind in _IN_WORDS.items()}

log = logging.getLogger(__name__)


def write_failure(error: Exception) -> Failure:
    """What a peer is told that was raised here. What no caller is meant to see arrives as NotAccepted."""
    match error:
        case Moved():
            return Failure(kind=Failure.KIND_MOVED, partition=error.partition, invocation_id=error.accepted)
        case AlreadyExists():
            return Failure(kind=Failure.KIND_ALREADY_EXISTS, invocation_id=error.invocation_id)
        case NodeStops():
            return Failure(kind=Failure.KIND_NODE_STOPS, invocation_id=error.invocation_id)
        case EndpointUnavailable():
            return Failure(
                kind=Failure.KIND_ENDPOINT_UNAVAILABLE, invocation_id=error.invocation_id, message=str(error)
            )
        case UnknownInvocation():
            return Failure(kind=Failure.KIND_UNKNOWN_INVOCATION, name=write_name(_unknown(error)))
        case StorageFailure():
            return Failure(kind=Failure.KIND_NOT_ACCEPTED, message=str(error))
    for known, kind in _IN_WORDS.items():
        if isinstance(error, known):
            return Failure(kind=kind, message=str(error))
    log.error("what a peer asked for failed", exc_info=error)
    return Failure(kind=Failure.KIND_NOT_ACCEPTED, message=f"the node failed at it: {type(error).__name__}: {error}")


def read_failure(failure: Failure) -> Exception:
    """What is to be raised here that was raised at a peer."""
    match failure.kind:
        case Failure.KIND_MOVED:
            return Moved(failure.partition, failure.invocation_id)
        case Failure.KIND_ALREADY_EXISTS:
            return AlreadyExists(failure.invocation_id)
        case Failure.KIND_NODE_STOPS:
            return NodeStops(failure.invocation_id)
        case Failure.KIND_ENDPOINT_UNAVAILABLE:
            error = EndpointUnavailable(failure.invocation_id, "", "")
            # In the words of the node that knows the endpoint.
            error.args = (failure.message,)
            return error
        case Failure.KIND_UNKNOWN_INVOCATION:
            return UnknownInvocation(read_name(failure.name))
    known = _BY_KIND.get(failure.kind)
    # A newer peer may fail in ways that are not known here.
    return known(failure.message) if known is not None else NotAccepted(failure.message)


def _unknown(error: UnknownInvocation) -> InvocationName:
    name = error.args[0] if error.args else ""
    return name if isinstance(name, WorkflowId) else str(name)
