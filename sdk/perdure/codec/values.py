"""Google's types that are plain Python values in betterproto: times, durations and wrapped scalars.

Python's times and durations end at microseconds: nanoseconds below that are cut off.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

# Writes a value into an upb message; reads it back.
Fill: TypeAlias = Callable[[Any, Any], None]
Read: TypeAlias = Callable[[Any], Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MICROSECOND = timedelta(microseconds=1)
NANOS_A_SECOND = 1_000_000_000
# The range of google.protobuf.Duration: about 10,000 years.
LONGEST_S = 315_576_000_000


def fill_timestamp(out: Any, value: datetime) -> None:
    """A moment. Raises TypeError, ValueError."""
    if not isinstance(value, datetime):
        raise TypeError(f"expected a datetime, got {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError("a datetime without a timezone is no moment; add one, as in datetime.now(UTC)")
    seconds, rest = divmod(value - EPOCH, SECOND)
    out.seconds = seconds
    out.nanos = rest // MICROSECOND * 1_000
    out.SetInParent()


def read_timestamp(message: Any) -> datetime:
    """A moment, in UTC. Raises OverflowError where Python has no such year."""
    if not 0 <= message.nanos < NANOS_A_SECOND:
        raise OverflowError(f"{message.nanos} nanoseconds are not within a second")
    return EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1_000)


def fill_duration(out: Any, value: timedelta) -> None:
    """A duration. Raises TypeError, ValueError."""
    if not isinstance(value, timedelta):
        raise TypeError(f"expected a timedelta, got {type(value).__name__}")
    # Both parts have the sign of the whole.
    sign = -1 if value < timedelta(0) else 1
    seconds, rest = divmod(abs(value), SECOND)
    if seconds > LONGEST_S:
        raise ValueError(f"a duration has at most {LONGEST_S} seconds")
    out.seconds = sign * seconds
    out.nanos = sign * (rest // MICROSECOND) * 1_000
    out.SetInParent()


def read_duration(message: Any) -> timedelta:
    """A duration. Raises OverflowError where Python has none so long."""
    if abs(message.nanos) >= NANOS_A_SECOND or message.nanos * message.seconds < 0:
        raise OverflowError(f"{message.nanos} nanoseconds are not within a second of {message.seconds} s")
    sign = -1 if message.nanos < 0 else 1
    return timedelta(seconds=message.seconds, microseconds=sign * (abs(message.nanos) // 1_000))


def fill_wrapper(out: Any, value: Any) -> None:
    """A scalar that may be absent. Raises TypeError, ValueError."""
    out.value = value
    out.SetInParent()


def read_wrapper(message: Any) -> Any:
    """A scalar that may be absent."""
    return message.value


_WRAPPED = ("Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64")
# By full name of the message.
WELL_KNOWN: dict[str, tuple[Fill, Read]] = {
    "google.protobuf.Timestamp": (fill_timestamp, read_timestamp),
    "google.protobuf.Duration": (fill_duration, read_duration),
    **{f"google.protobuf.{scalar}Value": (fill_wrapper, read_wrapper) for scalar in _WRAPPED},
}
