"""How a call ends without a result: one type for both transports."""

import logging
import secrets

from grpclib.const import Status
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure

log = logging.getLogger(__name__)


class Refusal(Exception):
    """What a caller is told: a gRPC status, a sentence, and serialised google.protobuf.Any details.

    ``invocation_id`` names the invocation where there is one, and ``ended`` says that it has ended with this, so that
    its outcome is known. ``http_status`` is set where JSON callers get another
    status than the code stands for.
    """

    def __init__(
        self,
        code: Status,
        message: str,
        *,
        details: tuple[bytes, ...] = (),
        invocation_id: str = "",
        ended: bool = False,
        http_status: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
        self.invocation_id = invocation_id
        self.ended = ended
        self.http_status = http_status


def terminal(failure: Failure, invocation_id: str) -> Refusal:
    """The terminal error of an invocation, as its handler raised it."""
    try:
        code = Status(failure.code)
    except ValueError:
        code = Status.UNKNOWN
    if code is Status.OK:
        code = Status.UNKNOWN
    return Refusal(code, failure.message, details=tuple(failure.details), invocation_id=invocation_id, ended=True)


def unexpected(place: str) -> Refusal:
    """For an exception that is being handled and nobody foresaw: the log has it, the caller has the log's id."""
    error_id = secrets.token_hex(6)
    log.exception("error %s while answering %s", error_id, place)
    return Refusal(Status.INTERNAL, f"the runtime failed to answer; its log says why under error id {error_id}")
