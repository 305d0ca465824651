"""One request and its answer, and what the errors on the way mean to a caller."""

import asyncio
import logging
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import betterproto
from grpclib.client import Stream
from grpclib.const import Cardinality, Status
from grpclib.exceptions import GRPCError, StreamTerminatedError
from grpclib.exceptions import ProtocolError as CallProtocolError
from grpclib.metadata import Deadline
from h2.exceptions import ProtocolError

from perdure import codec
from perdure.connections import Connections
from perdure.errors import CallError, StatusCode, TerminalError
from perdure.failures import unpack
from perdure.metadata import INVOCATION_ID, OUTCOME

# The runtime keeps to the caller's deadline, and says which invocation it was: its answer gets this long to arrive.
GRACE_S = 1.0
# Where the runtime itself answers so, or something between, the call may have been accepted.
UNKNOWN_OUTCOMES = frozenset({Status.UNAVAILABLE, Status.DEADLINE_EXCEEDED, Status.CANCELLED})
UNKNOWN_WITHOUT_AN_INVOCATION = UNKNOWN_OUTCOMES | {Status.UNKNOWN, Status.INTERNAL}
# How a call can break on its way; the last is what grpclib makes of an answer that ends in the middle.
BROKEN = (OSError, StreamTerminatedError, CallProtocolError, ProtocolError, AssertionError)

log = logging.getLogger("perdure")


class Refusal(TerminalError):
    """An error of the runtime itself: no invocation has ended with it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response message, serialised, and the id of the invocation that gave it, where it was told."""

    message: bytes
    invocation_id: str


async def exchange(
    connections: Connections,
    path: str,
    message: bytes,
    metadata: Sequence[tuple[str, str]] = (),
    timeout_s: float | None = None,
    invocation_id: str = "",
) -> Answer:
    """Sends a request, once, and waits for the answer; ``invocation_id`` is what the request itself asks about.

    Raises:
        TerminalError: The invocation ended with it, or as a Refusal: the runtime refused the call.
        CallError: What became of the call is not known.
        UsageError: The connections are closed.
    """
    async with connections.one() as channel:
        stream: Stream[bytes, bytes] = channel.request(
            path, Cardinality.UNARY_UNARY, bytes, bytes, metadata=[*connections.credentials(), *metadata]
        )
        patience = asyncio.timeout(None if timeout_s is None else timeout_s + GRACE_S)
        try:
            async with patience, stream:
                if timeout_s is not None:
                    # Set here and not in the request, which would also give up at that moment, without an id.
                    stream._deadline = Deadline.from_timeout(timeout_s)
                await stream.send_message(message, end=True)
                answer = await stream.recv_message()
        except GRPCError as error:
            raise _refused(path, stream, error, invocation_id) from None
        except BROKEN as error:
            if patience.expired():
                raise _silent(path, connections.address, invocation_id) from error
            raise _broken(path, connections.address, error, invocation_id) from error
    invocation_id = _text(stream.initial_metadata, INVOCATION_ID) or invocation_id
    if answer is None:
        raise CallError(f"the answer to {path} has no message", StatusCode.INTERNAL, invocation_id)
    return Answer(answer, invocation_id)


def _refused(path: str, stream: Stream[bytes, bytes], error: GRPCError, asked: str) -> TerminalError:
    told = _text(stream.initial_metadata, INVOCATION_ID)
    message = error.message or f"{path} failed without a message"
    details = _details(error.details or ())
    # An invocation may end with any code, so that the code alone does not tell whose error it is.
    if _text(stream.trailing_metadata, OUTCOME):
        return TerminalError(message, error.status, details)
    if error.status in (UNKNOWN_OUTCOMES if told else UNKNOWN_WITHOUT_AN_INVOCATION):
        return CallError(message, error.status, told or asked)
    return TerminalError(message, error.status, details) if told else Refusal(message, error.status, details)


def _broken(path: str, address: str, error: BaseException, invocation_id: str) -> CallError:
    reason = str(error) or type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        reason = "nobody listens there; start a runtime with `perdure dev` or `perdure up`, or check the address"
    elif isinstance(error, ssl.SSLCertVerificationError):
        reason = f"its certificate does not hold: {error.verify_message}; trust its authority with perdure.Tls(ca=...)"
    elif isinstance(error, ssl.SSLError):
        reason = f"TLS failed: {error.reason or error}; is it a port that speaks TLS, and takes this certificate?"
    return CallError(f"{path} got no answer from {address}: {reason}", StatusCode.UNAVAILABLE, invocation_id)


def _silent(path: str, address: str, invocation_id: str) -> CallError:
    message = f"{path} got no answer from {address} in time; the runtime may have accepted it"
    return CallError(message, StatusCode.DEADLINE_EXCEEDED, invocation_id)


def _details(details: Sequence[bytes]) -> list[betterproto.Message]:
    unpacked = []
    for detail in details:
        try:
            unpacked.append(unpack(detail))
        except codec.MalformedMessage as error:
            # The error itself is whole, and its caller waits for it.
            log.warning("a detail of an error cannot be read and is left out: %s", error)
    return unpacked


def _text(metadata: Mapping[str, str | bytes] | None, name: str) -> str:
    value = metadata.get(name, "") if metadata is not None else ""
    return value if isinstance(value, str) else ""
