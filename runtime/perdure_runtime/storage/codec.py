"""What user payloads pass through on their way into a database and back, so that it need not hold them in plain.

Through the codec go inputs, journal entries, outcomes, state, results of promises and messages: whatever handlers and
their callers put in. What perdure itself finds its way by stays readable by design: ids, names of services and
handlers, keys, idempotency keys, headers, times, statuses, and the text of an attempt's last error, which operators
search. So nothing secret belongs into a key, a header or the message of an exception that is no terminal error.
"""

from collections.abc import Sequence
from typing import Any, Protocol

# What to do about a failure.
NO_CODEC = "check that this is the codec of this database, and that it has all keys that payloads were written with"


class CodecFailure(Exception):
    """A payload codec could not do its work; ``__cause__`` is what it raised."""


class PayloadCodec(Protocol):
    """Turns payloads into what may be stored, and back. In any thread; what it raises fails the batch or the read.

    ``decode`` must know whatever ``encode`` has ever given for this database, also before a key was changed.
    """

    def encode(self, data: bytes) -> bytes:
        """What is stored instead of a payload."""

    def decode(self, data: bytes) -> bytes:
        """The payload of what is stored."""


def sealed(codec: PayloadCodec | None, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Rows as they are stored. All bytes in them are payloads. Raises CodecFailure."""
    if codec is None:
        return rows
    try:
        return [tuple(codec.encode(value) if isinstance(value, bytes) else value for value in row) for row in rows]
    except Exception as error:
        # Not the error's own text: it may have the payload in it.
        raise CodecFailure(f"the payload codec cannot encode: {type(error).__name__}") from error


def opened(codec: PayloadCodec | None, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Stored rows as they were. All bytes in them are payloads. Raises CodecFailure."""
    if codec is None:
        return rows
    try:
        return [tuple(codec.decode(value) if isinstance(value, bytes) else value for value in row) for row in rows]
    except Exception as error:
        raise CodecFailure(f"the payload codec cannot decode: {type(error).__name__}") from error
