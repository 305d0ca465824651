"""Values on their way to PostgreSQL and back: whole columns as arrays, and text that it could not hold as it is."""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.pq import Format
from psycopg.rows import TupleRow

from perdure_runtime.storage.rows import Value

TEXT_OID = 25
# An entry of an index must fit into a third of a page, with several such texts in it.
LONGEST_KEY_BYTES = 512
_SHOWN = 64
# No text that is escaped has such bytes in it: a digest is never mistaken for a key.
_DIGEST = b"\x01\x03"

_LENGTH = Struct(">i").pack
# Dimensions, whether NULLs may come, the type of elements, their number, the index of the first one.
_HEADER = Struct(">iiIii").pack
_NULL = _LENGTH(-1)


def escape(text: str) -> str:
    """Text without NUL, which PostgreSQL has no place for; texts sort as they did before."""
    if "\x00" in text or "\x01" in text:
        return text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
    return text


def unescape(text: str) -> str:
    """What ``escape`` was given."""
    if "\x01" in text:
        return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01")
    return text


class Key(str):
    """Text that callers like, in a column that is never read back: a long one is kept as its beginning and a digest."""

    __slots__ = ()


def _encode_text(text: str) -> bytes:
    return escape(text).encode()


def _encode_key(text: str) -> bytes:
    raw = _encode_text(text)
    if len(raw) <= LONGEST_KEY_BYTES:
        return raw
    return _encode_text(text[:_SHOWN]) + _DIGEST + hashlib.sha256(raw).hexdigest().encode()


class StoredKey(str):
    """A key to compare with: one that a caller named, or one that was read, and may be such a beginning and digest."""

    __slots__ = ()


_SHORTENED = re.compile(r"(.{1,64})\x01\x03([0-9a-f]{64})", re.DOTALL)


def is_shortened(text: str) -> bool:
    """Whether a key that was read is only the beginning and the digest of one."""
    return _SHORTENED.fullmatch(text) is not None


def _encode_stored_key(text: str) -> bytes:
    shortened = _SHORTENED.fullmatch(text)
    if shortened is None:
        return _encode_key(text)
    return _encode_text(shortened[1]) + _DIGEST + shortened[2].encode()


class Array(bytes):
    """A column of some rows as an array, in PostgreSQL's binary format."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of columns: its name and number in SQL, and how a value becomes bytes."""

    sql: str
    oid: int
    encode: Callable[[Any], bytes]

    def array(self, values: Sequence[Value]) -> Array:
        """Values of this type as an array. Raises OverflowError, UnicodeEncodeError.

        psycopg's own arrays look at each value to find its type: here it is known, and a row costs a third.
        """
        parts = [_HEADER(1, 1, self.oid, len(values), 1)]
        encode = self.encode
        for value in values:
            if value is None:
                parts.append(_NULL)
            else:
                raw = encode(value)
                parts += (_LENGTH(len(raw)), raw)
        return Array(b"".join(parts))


TEXT = Kind("text", TEXT_OID, _encode_text)
KEY = Kind("text", TEXT_OID, _encode_key)
INTEGER = Kind("bigint", 20, lambda number: int(number).to_bytes(8, "big", signed=True))
PARTITION = Kind("integer", 23, lambda number: int(number).to_bytes(4, "big", signed=True))
BOOLEAN = Kind("boolean", 16, lambda flag: b"\x01" if flag else b"\x00")
BYTES = Kind("bytea", 17, bytes)


class _ArrayDumper(Dumper):
    # The statement says the type.
    format = Format.BINARY

    def dump(self, obj: Array) -> Buffer:
        return obj


class _TextDumper(Dumper):
    format = Format.BINARY
    oid = TEXT_OID

    def dump(self, obj: str) -> Buffer:
        return _encode_text(obj)


class _KeyDumper(_TextDumper):
    def dump(self, obj: str) -> Buffer:
        return _encode_key(obj)


class _StoredKeyDumper(_TextDumper):
    def dump(self, obj: str) -> Buffer:
        return _encode_stored_key(obj)


class _TextLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> str:
        return unescape(str(data, "utf-8"))


def adapt(connection: Connection[TupleRow]) -> None:
    """Makes a connection speak as this module does."""
    connection.adapters.register_dumper(Array, _ArrayDumper)
    connection.adapters.register_dumper(str, _TextDumper)
    connection.adapters.register_dumper(Key, _KeyDumper)
    connection.adapters.register_dumper(StoredKey, _StoredKeyDumper)
    connection.adapters.register_loader(TEXT_OID, _TextLoader)
