"""Messages as people read and write them: JSON with the contract's names, there and back, and their schemas."""

import json
import re
from contextlib import suppress
from typing import Any

import betterproto
import jsonschema_rs
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, reject
from hypothesis import strategies as st
from kinds.v1 import Choice, Knowns, Maps, Optionals, Repeateds, Scalars, Tree
from perdure.codec.registry import pool_of, shape_of
from perdure_runtime.contracts.schema import DIALECT, example_of, schema_of
from perdure_runtime.contracts.shapes import NotRead, NotShown, Shape, read_json

from tests.codec.generating import messages

KINDS: list[type[betterproto.Message]] = [Scalars, Optionals, Repeateds, Maps, Choice, Knowns, Tree]


def _shape(cls: type[betterproto.Message]) -> Shape:
    return Shape(shape_of(cls).upb, pool_of(cls))


def _json_of(shape: Shape, message: Message) -> Any:
    """What google.protobuf makes of it. What it does not read again itself, the largest float, is left out."""
    made = json_format.MessageToDict(message, preserving_proto_field_name=True, descriptor_pool=shape.pool)
    try:
        json_format.ParseDict(made, shape.message(), descriptor_pool=shape.pool)
    except json_format.ParseError:
        reject()
    return made


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_json_is_that_of_google_with_the_names_of_the_contract_and_comes_back(
    cls: type[betterproto.Message], data: st.DataObject
) -> None:
    shape, message = _shape(cls), data.draw(messages(cls))
    made, text = _json_of(shape, message), shape.to_json(message.SerializeToString())
    assert json.loads(text) == made
    again = shape.from_json(text)
    assert _json_of(shape, shape.message.FromString(again)) == json.loads(text)


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_each_field_alone_is_shown_and_written_as_its_value(
    cls: type[betterproto.Message], data: st.DataObject
) -> None:
    shape, message = _shape(cls), data.draw(messages(cls))
    whole = _json_of(shape, message)
    serialised = message.SerializeToString()
    for field in shape.fields:
        shown = json.loads(shape.field_to_json(serialised, field))
        if field in whole:
            assert shown == whole[field]
            assert json.loads(shape.field_to_json(shape.field_from_json(field, shown), field)) == shown


@pytest.mark.parametrize(
    ("field", "shown"),
    [("int64_value", '"0"'), ("string_value", '""'), ("bool_value", "false"), ("color", '"COLOR_UNSPECIFIED"')],
)
def test_a_field_of_which_the_bytes_say_nothing_is_its_default(field: str, shown: str) -> None:
    assert _shape(Scalars).field_to_json(b"", field) == shown


def test_a_message_that_is_not_set_is_null() -> None:
    assert _shape(Tree).field_to_json(b"", "left") == "null"
    assert _shape(Tree).field_to_json(b"", "others") == "[]"
    assert _shape(Tree).field_to_json(b"", "named") == "{}"


@given(st.binary(max_size=40))
def test_any_bytes_are_shown_or_it_is_said_why_not(value: bytes) -> None:
    for cls in (Scalars, Knowns, Tree):
        with suppress(NotShown):
            json.loads(_shape(cls).to_json(value))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "it is no JSON: "),
        ("[" * 100_000, "it is no JSON: "),
        ("[]", "it is no JSON object; write {…} with fields of kinds.v1.Scalars"),
        ('{"sting_value": ""}', "it is no kinds.v1.Scalars: "),
        ('{"int32_value": 4294967296}', "it is no kinds.v1.Scalars: "),
        ('{"string_value": "\\ud800"}', "it is no kinds.v1.Scalars: "),
    ],
    ids=["open", "deep", "list", "name", "range", "surrogate"],
)
def test_what_is_no_such_message_is_refused(text: str, says: str) -> None:
    with pytest.raises(NotRead, match=re.escape(says)):
        _shape(Scalars).from_json(text)


def test_a_field_that_is_none_is_told_those_that_there_are() -> None:
    with pytest.raises(NotRead, match=r"kinds\.v1\.Choice has no field 'x'; it has number, text, "):
        _shape(Choice).field_from_json("x", 1)
    with pytest.raises(NotShown, match="has no field 'x' any more"):
        _shape(Choice).field_to_json(b"", "x")


@given(st.text(max_size=20))
def test_any_text_is_read_as_json_or_refused(text: str) -> None:
    with suppress(NotRead):
        read_json(text)


@pytest.mark.parametrize("cls", KINDS)
@given(data=st.data())
def test_what_is_written_fits_its_schema(cls: type[betterproto.Message], data: st.DataObject) -> None:
    shape, message = _shape(cls), data.draw(messages(cls))
    schema = json.loads(schema_of(shape.message))
    for each in schema["$defs"].values():
        # Numbers that have no name, as newer peers send them, are written as they are.
        if "enum" in each:
            each["anyOf"] = [{"enum": each.pop("enum")}, {"type": "integer"}]
    assert jsonschema_rs.validator_for(schema).is_valid(_json_of(shape, message))


@pytest.mark.parametrize("cls", KINDS)
def test_a_schema_is_one_and_its_example_fits_it_and_is_read(cls: type[betterproto.Message]) -> None:
    shape = _shape(cls)
    schema, example = json.loads(schema_of(shape.message)), example_of(shape.message)
    assert schema["$schema"] == DIALECT
    assert jsonschema_rs.meta.is_valid(schema)
    assert _validator(shape).is_valid(json.loads(example))
    shape.from_json(example)


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (Scalars, {"int32_value": "x"}),
        (Scalars, {"int32_value": 2**31}),
        (Scalars, {"uint64_value": "-1"}),
        (Scalars, {"color": "BLUE"}),
        (Scalars, {"unknown": 1}),
        (Repeateds, {"strings": "x"}),
        (Maps, {"strings": {"a": 1}}),
        (Knowns, {"duration": "1 minute"}),
    ],
)
def test_what_does_not_fit_a_schema_is_not_read_either(cls: type[betterproto.Message], wrong: object) -> None:
    shape = _shape(cls)
    assert not _validator(shape).is_valid(wrong)
    with pytest.raises(NotRead):
        shape.from_json(json.dumps(wrong))


def _validator(shape: Shape) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(json.loads(schema_of(shape.message)))
