"""Messages of google.protobuf, of any type, made by hypothesis from descriptors."""

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from kinds.v1 import Scalars
from perdure.codec.registry import pool_of, shape_of

F = FieldDescriptor
MOST_DEPTH = 3

INTEGERS = {
    "int32": st.integers(-(2**31), 2**31 - 1),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "uint32": st.integers(0, 2**32 - 1),
    "uint64": st.integers(0, 2**64 - 1),
}
SCALARS: dict[int, st.SearchStrategy[Any]] = {
    F.TYPE_DOUBLE: st.floats(),
    F.TYPE_FLOAT: st.floats(width=32),
    F.TYPE_BOOL: st.booleans(),
    F.TYPE_STRING: st.text(max_size=8),
    F.TYPE_BYTES: st.binary(max_size=8),
    # Open enums: numbers without a name, as newer peers send them, are kept.
    F.TYPE_ENUM: st.one_of(st.integers(-1, 3), INTEGERS["int32"]),
    **dict.fromkeys((F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32), INTEGERS["int32"]),
    **dict.fromkeys((F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64), INTEGERS["int64"]),
    **dict.fromkeys((F.TYPE_UINT32, F.TYPE_FIXED32), INTEGERS["uint32"]),
    **dict.fromkeys((F.TYPE_UINT64, F.TYPE_FIXED64), INTEGERS["uint64"]),
}
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)
# Python's times end at microseconds.
MICROS = st.integers(0, 999_999)


def fill(draw: st.DrawFn, message: Any, depth: int = 0) -> None:
    """Sets some fields of an empty message."""
    descriptor: Descriptor = message.DESCRIPTOR
    special = SPECIAL.get(descriptor.full_name)
    if special is not None:
        special(draw, message)
        return
    for field in descriptor.fields:
        # Messages within messages get rarer, so that they end.
        if draw(st.booleans()) and (field.message_type is None or depth < draw(st.integers(0, MOST_DEPTH))):
            fill_field(draw, message, field, depth + 1)


def fill_field(draw: st.DrawFn, message: Any, field: FieldDescriptor, depth: int) -> None:
    """Sets one field."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        keys = draw(st.lists(SCALARS[entry.fields_by_name["key"].type], max_size=3))
        value = entry.fields_by_name["value"]
        target = getattr(message, field.name)
        for key in keys:
            if value.message_type is None:
                target[key] = draw(SCALARS[value.type])
            else:
                fill(draw, target[key], depth)
    elif field.is_repeated and entry is None:
        getattr(message, field.name).extend(draw(st.lists(SCALARS[field.type], max_size=3)))
    elif field.is_repeated:
        for _ in range(draw(st.integers(0, 2))):
            fill(draw, getattr(message, field.name).add(), depth)
    elif entry is None:
        setattr(message, field.name, draw(SCALARS[field.type]))
    else:
        sub = getattr(message, field.name)
        sub.SetInParent()
        fill(draw, sub, depth)


def fill_timestamp(draw: st.DrawFn, message: Any) -> None:
    """Any moment of the years 1 to 9999."""
    message.seconds = draw(st.one_of(st.just(0), st.integers(-62_135_596_800, 253_402_300_799)))
    message.nanos = draw(MICROS) * 1_000


def fill_duration(draw: st.DrawFn, message: Any) -> None:
    """Any duration, both of its parts of one sign."""
    sign = draw(st.sampled_from((-1, 1)))
    message.seconds = sign * draw(st.integers(0, 315_575_999_999))
    message.nanos = sign * draw(MICROS) * 1_000


def fill_struct(draw: st.DrawFn, message: Any) -> None:
    """A JSON object."""
    message.update(draw(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=3)))


def fill_list(draw: st.DrawFn, message: Any) -> None:
    """A JSON array."""
    message.extend(draw(st.lists(JSON_VALUES, max_size=3)))


def fill_value(draw: st.DrawFn, message: Any) -> None:
    """A JSON value: one without a kind cannot be written."""
    message.list_value.extend([draw(JSON_VALUES)])
    message.CopyFrom(
        message.list_value.values[0].__class__.FromString(message.list_value.values[0].SerializeToString())
    )


def fill_any(draw: st.DrawFn, message: Any) -> None:
    """A message of ours."""
    packed = shape_of(Scalars).upb()
    fill(draw, packed)
    message.type_url = "type.googleapis.com/kinds.v1.Scalars"
    message.value = packed.SerializeToString()


def fill_mask(draw: st.DrawFn, message: Any) -> None:
    """Paths that survive their JSON, where they are in lowerCamelCase."""
    message.paths.extend(draw(st.lists(st.from_regex(r"[a-z]{1,4}(_[a-z]{1,3}){0,2}", fullmatch=True), max_size=3)))


SPECIAL = {
    "google.protobuf.Timestamp": fill_timestamp,
    "google.protobuf.Duration": fill_duration,
    "google.protobuf.Struct": fill_struct,
    "google.protobuf.ListValue": fill_list,
    "google.protobuf.Value": fill_value,
    "google.protobuf.Any": fill_any,
    "google.protobuf.FieldMask": fill_mask,
}


@st.composite
def messages(draw: st.DrawFn, cls: type[Any]) -> Message:
    """A message of the type that a betterproto class is."""
    message = shape_of(cls).upb()
    fill(draw, message)
    assert message.DESCRIPTOR.file.pool is pool_of(cls)
    return message
