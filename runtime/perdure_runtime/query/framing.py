"""What a node and its query process say to each other, over the pipes of the process.

Each message is its length in four bytes, then a kind in one, then its text.
"""

import enum
import struct
from typing import BinaryIO

LENGTH = struct.Struct(">I")


class Kind(enum.IntEnum):
    """What an answer is."""

    # A serialised QueryResponse.
    ANSWER = 0
    # Sentences: what is wrong with the question, that it took too long, that storage has failed.
    WRONG = 1
    LATE = 2
    FAILED = 3


def write(pipe: BinaryIO, kind: int, text: bytes) -> None:
    """Writes one message."""
    pipe.write(LENGTH.pack(len(text) + 1) + bytes((kind,)) + text)
    pipe.flush()


def framed(text: bytes) -> bytes:
    """A question, as the process reads it."""
    return LENGTH.pack(len(text)) + text


def read(pipe: BinaryIO) -> bytes | None:
    """The next message, None at the end."""
    head = pipe.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    text = pipe.read(length)
    return text if len(text) == length else None
