"""Fields that a peer with a newer contract has sent: kept as bytes, so that they go out again as they came.

The bytes are written as https://protobuf.dev/programming-guides/encoding/ says.
"""

import struct

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

END_GROUP = 4


def unknown_bytes(message: Message) -> bytes:
    """All unknown fields of one message, not of those within it, serialised in the order in which they came."""
    fields = UnknownFieldSet(message)
    return _serialise(fields) if len(fields) else b""


def _serialise(fields: UnknownFieldSet) -> bytes:
    out = bytearray()
    for index in range(len(fields)):
        field = fields[index]
        out += _varint(field.field_number << 3 | field.wire_type)
        match field.wire_type:
            case 0:
                out += _varint(field.data)
            case 1:
                out += struct.pack("<Q", field.data)
            case 2:
                out += _varint(len(field.data)) + field.data
            case 3:
                out += _serialise(field.data) + _varint(field.field_number << 3 | END_GROUP)
            case 5:
                out += struct.pack("<I", field.data)
            case wire_type:
                raise AssertionError(f"protobuf has no wire type {wire_type}")
    return bytes(out)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
