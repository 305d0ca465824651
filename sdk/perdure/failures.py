"""Terminal errors on the wire, and failed attempts."""

import sys
import traceback
from datetime import timedelta
from itertools import dropwhile, takewhile
from types import FrameType

import betterproto
from betterproto.lib.google.protobuf import Any as AnyMessage
from google.protobuf import any_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure

from perdure import codec
from perdure.errors import CallError, JournalMismatch, RetryableError, StatusCode, TerminalError

TYPE_URL = "type.googleapis.com/"
# The end of a traceback says where it happened.
MAX_STACKTRACE_CHARACTERS = 32_768


def terminal_error(error: BaseException | None) -> TerminalError | None:
    """The terminal error that ends an invocation whose handler raises this; None where it is tried again.

    A group, as asyncio.TaskGroup raises it, ends it with its first error where all of them are terminal.
    """
    if isinstance(error, BaseExceptionGroup):
        errors = [terminal_error(each) for each in error.exceptions]
        return errors[0] if all(errors) else None
    # What became of a call from outside is not known.
    return error if isinstance(error, TerminalError) and not isinstance(error, CallError) else None


def failure_of(error: TerminalError) -> Failure:
    """A terminal error as the journal has it."""
    return Failure(code=error.code.value, message=error.message, details=[pack(detail) for detail in error.details])


def error_of(failure: Failure) -> TerminalError:
    """The terminal error that the journal has."""
    return TerminalError(failure.message, code_of(failure.code), [unpack(detail) for detail in failure.details])


def code_of(number: int) -> StatusCode:
    """The status of a number; a status that is no error, or that this version does not know, is UNKNOWN."""
    try:
        code = StatusCode(number)
    except ValueError:
        return StatusCode.UNKNOWN
    return StatusCode.UNKNOWN if code is StatusCode.OK else code


def pack(detail: betterproto.Message) -> bytes:
    """A detail of an error as a serialised google.protobuf.Any."""
    if isinstance(detail, AnyMessage):
        return codec.encode(detail)
    packed = any_pb2.Any(type_url=TYPE_URL + codec.full_name(type(detail)), value=codec.encode(detail))
    return packed.SerializeToString()


def unpack(detail: bytes) -> betterproto.Message:
    """A detail of an error: of its own type where this process has generated code for it, else an Any."""
    packed = codec.decode(AnyMessage, detail)
    cls = codec.find_class(packed.type_url.rpartition("/")[2])
    if cls is None:
        return packed
    try:
        return codec.decode(cls, packed.value)
    except codec.MalformedMessage:
        # Of another version of its contract: the error matters more than its detail.
        return packed


def attempt_failure(error: BaseException) -> AttemptFailure:
    """What the runtime and its operators get to know of an attempt that failed."""
    message = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    stacktrace = "".join(traceback.format_exception(error))[-MAX_STACKTRACE_CHARACTERS:]
    failure = AttemptFailure(message=message, stacktrace=stacktrace)
    if isinstance(error, JournalMismatch):
        failure.journal_mismatch = True
    if isinstance(error, RetryableError) and error.retry_after is not None:
        failure.retry_after_ms = milliseconds(error.retry_after)
    return failure


def callers_lines() -> str:
    """The handler's lines that led here, as a traceback has them; empty where only perdure and asyncio did.

    An error that perdure raises has no frame yet of whoever called it.
    """
    callers = dropwhile(_is_ours, traceback.walk_stack(sys._getframe()))
    lines = traceback.StackSummary.extract(takewhile(lambda caller: not _is_ours(caller), callers))
    # A traceback has the innermost line last.
    lines.reverse()
    return "".join(lines.format()).rstrip()


def _is_ours(caller: tuple[FrameType, int]) -> bool:
    return caller[0].f_globals.get("__name__", "").partition(".")[0] in ("perdure", "asyncio")


def milliseconds(duration: timedelta) -> int:
    """A duration in whole milliseconds, never shorter than it is."""
    return -(-duration // timedelta(milliseconds=1)) if duration > timedelta(0) else 0
