"""The errors that handlers raise and callers catch."""

from collections.abc import Sequence
from datetime import timedelta

import betterproto
from grpclib.const import Status as StatusCode

from perdure.vm.errors import JournalMismatch, PerdureError, ProtocolViolation

__all__ = [
    "CallError",
    "CancelledInvocation",
    "EndpointError",
    "JournalMismatch",
    "PerdureError",
    "ProtocolViolation",
    "RetryableError",
    "StatusCode",
    "TerminalError",
    "TimedOut",
    "UnsupportedResult",
    "UsageError",
]


class TerminalError(PerdureError):
    """Ends the invocation, or the step, that raises it: it is not tried again, and its caller gets this error.

    Attributes:
        message: What the caller reads.
        code: The gRPC status of the answer; never OK.
        details: Messages that tell the caller more, such as those of google.rpc.
    """

    def __init__(
        self, message: str, code: StatusCode = StatusCode.UNKNOWN, details: Sequence[betterproto.Message] = ()
    ) -> None:
        if code is StatusCode.OK:
            raise ValueError("TerminalError(code=StatusCode.OK) is no error: return a response, or give another code")
        super().__init__(message)
        self.message = message
        self.code = code
        self.details = tuple(details)

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"


class CancelledInvocation(TerminalError):
    """The invocation was cancelled: raised where the handler waits, once.

    Undo what was done, with the context as ever, and let it go on. Where it leaves the handler the invocation ends with
    the code CANCELLED.
    """

    def __init__(self) -> None:
        super().__init__("the invocation was cancelled", StatusCode.CANCELLED)


class TimedOut(TerminalError, TimeoutError):
    """What ``or_timeout`` waited for took too long."""

    def __init__(self, message: str) -> None:
        super().__init__(message, StatusCode.DEADLINE_EXCEEDED)


class RetryableError(PerdureError):
    """Makes the runtime try again, as any other exception does, but at a time that the handler chooses.

    Attributes:
        message: What operators read.
        retry_after: Wait this long before the next try; None leaves it to the retry policy.
    """

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        if retry_after is not None and retry_after < timedelta(0):
            raise ValueError(f"RetryableError(retry_after={retry_after}): a wait cannot be negative")
        super().__init__(message)
        self.message = message
        self.retry_after = retry_after


class CallError(TerminalError):
    """A call from outside whose outcome is not known: the runtime could not be reached, or did not answer in time.

    The invocation may have run, or may run yet. Calling again is safe with the same idempotency key. It ends the call
    and nothing else: a handler or step that raises it is tried again, as with any other exception.

    Attributes:
        code: UNAVAILABLE, DEADLINE_EXCEEDED or CANCELLED; UNKNOWN or INTERNAL where the answer made no sense.
        invocation_id: The invocation, where the runtime had told its id; else empty. Attach to it to get its result.
    """

    def __init__(self, message: str, code: StatusCode, invocation_id: str = "") -> None:
        super().__init__(message, code)
        self.invocation_id = invocation_id


class UsageError(PerdureError):
    """The API was used in a way that cannot work; the message says which and what to do."""


class EndpointError(PerdureError):
    """Handlers that cannot be served together, or at all."""


class UnsupportedResult(PerdureError, TypeError):
    """The result of a step is of a type that the journal cannot carry."""
