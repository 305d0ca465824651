"""For every kind of field, bytes and JSON are those of google.protobuf."""

import json

import betterproto
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from kinds.v1 import Choice, Knowns, Maps, Optionals, Repeateds, Scalars, Tree
from perdure import codec
from perdure.codec.defaults import metadata_of
from perdure.codec.registry import pool_of

from tests.codec.generating import messages

KINDS: list[type[betterproto.Message]] = [Scalars, Optionals, Repeateds, Maps, Choice, Knowns, Tree]


def to_json(cls: type[betterproto.Message], message: Message) -> str:
    """JSON as google.protobuf writes it."""
    return json_format.MessageToJson(message, descriptor_pool=pool_of(cls))


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_bytes_come_back_as_they_were(cls: type[betterproto.Message], data: st.DataObject) -> None:
    message = data.draw(messages(cls))
    serialised = message.SerializeToString(deterministic=True)
    assert codec.encode(codec.decode(cls, serialised)) == serialised


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_json_is_what_google_writes_and_reads(cls: type[betterproto.Message], data: st.DataObject) -> None:
    message = data.draw(messages(cls))
    text = to_json(cls, message)
    decoded = codec.decode(cls, message.SerializeToString())
    assert json.loads(codec.to_json(decoded)) == json.loads(text)
    try:
        read = json_format.Parse(text, type(message)(), descriptor_pool=pool_of(cls))
    except json_format.ParseError:
        # Google's reader does not take all that its writer gives, such as the largest float.
        with pytest.raises(codec.MalformedMessage):
            codec.from_json(cls, text)
        return
    assert codec.encode(codec.from_json(cls, text)) == read.SerializeToString(deterministic=True)


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_reading_every_field_sets_nothing(cls: type[betterproto.Message], data: st.DataObject) -> None:
    serialised = data.draw(messages(cls)).SerializeToString(deterministic=True)
    decoded = codec.decode(cls, serialised)
    read_all(decoded, depth=3)
    assert codec.encode(decoded) == serialised


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_an_object_equals_one_that_is_made_of_its_fields(cls: type[betterproto.Message], data: st.DataObject) -> None:
    decoded = codec.decode(cls, data.draw(messages(cls)).SerializeToString())
    fields = {name: value for name in metadata_of(cls).sorted_field_names if (value := set_field(decoded, name))}
    assert codec.encode(cls(**fields)) == codec.encode(cls(**fields))
    assert cls(**fields) == cls(**fields)


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.binary(max_size=60))
def test_any_bytes_are_the_message_or_malformed(cls: type[betterproto.Message], data: bytes) -> None:
    try:
        decoded = codec.decode(cls, data)
    except codec.MalformedMessage:
        return
    codec.encode(decoded)


@given(unknown=st.binary(min_size=1, max_size=5), message=messages(Tree))
def test_fields_of_newer_contracts_are_kept(unknown: bytes, message: Message) -> None:
    newer = message.SerializeToString(deterministic=True) + field(900, unknown)
    kept = type(message).FromString(codec.encode(codec.decode(Tree, newer)))
    assert kept.SerializeToString(deterministic=True) == type(message).FromString(newer).SerializeToString(
        deterministic=True
    )
    nested = field(2, field(901, unknown))
    assert codec.encode(codec.decode(Tree, nested)) == nested


def read_all(message: betterproto.Message, depth: int) -> None:
    """Reads what can be read, as a program that shows a message would."""
    for name in metadata_of(type(message)).sorted_field_names:
        value = getattr(message, name, None)
        if isinstance(value, betterproto.Message) and depth:
            read_all(value, depth - 1)


def set_field(message: betterproto.Message, name: str) -> object:
    """The value of a field, None where it has none or is not the set member of its oneof."""
    return getattr(message, name, None)


def field(number: int, data: bytes) -> bytes:
    """A length-delimited field."""
    tag, out = number << 3 | 2, bytearray()
    while tag > 0x7F:
        out.append(tag & 0x7F | 0x80)
        tag >>= 7
    return bytes(out) + bytes((tag, len(data))) + data
