"""A form made from a schema: what is filled in is the message, and what is not is left out."""

import json

import pytest
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.schema_form import SchemaForm

from tests.ui.shop import SCHEMA


def message(**fields: str) -> object:
    """What fields of the form say, by their paths without what they all begin with."""
    form = Form((f"request.{name.replace('__', '.')}", value) for name, value in fields.items())
    return json.loads(SchemaForm(SCHEMA).message(form))


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, {}),
        ({"id": "", "count": " "}, {}),
        ({"id": "o-1"}, {"id": "o-1"}),
        ({"count": "-7"}, {"count": -7}),
        # Numbers of 64 bits are text in JSON: as numbers they would lose their last digits.
        ({"cents": "9007199254740993"}, {"cents": "9007199254740993"}),
        ({"weight": "1.5"}, {"weight": 1.5}),
        ({"weight": "NaN"}, {"weight": "NaN"}),
        ({"gift": "false"}, {"gift": False}),
        ({"size": "LARGE"}, {"size": "LARGE"}),
        ({"to__street": "Elm"}, {"to": {"street": "Elm"}}),
        ({"to__street": ""}, {}),
        ({"tags__0": "a", "tags__1": "", "tags__2": "c"}, {"tags": ["a", "c"]}),
        ({"items__1__sku": "x", "items__1__count": "2"}, {"items": [{"sku": "x", "count": 2}]}),
        ({"labels": '{"a": "b"}'}, {"labels": {"a": "b"}}),
    ],
)
def test_what_is_filled_in_is_the_message(fields: dict[str, str], wanted: object) -> None:
    assert message(**fields) == wanted


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("count", "1.5", "count is '1.5'; write a whole number"),
        ("weight", "heavy", "weight is 'heavy'; write a number"),
        ("weight", "[1]", "weight is '[1]'; write a number"),
        ("labels", "{", "labels is '{'; write JSON"),
        ("items__0__count", "x", "items.0.count is 'x'; write a whole number"),
    ],
)
def test_what_is_none_of_its_type_is_told_with_its_field(field: str, value: str, told: str) -> None:
    with pytest.raises(Refusal) as refusal:
        message(**{field: value})

    assert refusal.value.message.startswith(told)


def test_fields_are_there_by_their_types() -> None:
    kinds = {field.label: field.kind for field in SchemaForm(SCHEMA, "id").fields(Form())}

    assert kinds == {
        "id": "text",
        "count": "whole",
        "cents": "whole",
        "weight": "decimal",
        "gift": "choice",
        "size": "choice",
        "to": "group",
        "items": "list",
        "tags": "list",
        "labels": "json",
    }


def test_a_list_has_one_item_more_than_is_filled_in() -> None:
    form = Form([("request.tags.0", "a"), ("request.tags.1", "b")])

    tags = next(field for field in SchemaForm(SCHEMA).fields(form) if field.label == "tags")

    assert [item.value for item in tags.fields] == ["a", "b", ""]


def test_an_index_that_somebody_made_up_is_not_counted_to() -> None:
    form = Form([("request.tags.999999999", "a")])

    tags = next(field for field in SchemaForm(SCHEMA).fields(form) if field.label == "tags")

    assert len(tags.fields) == 1_001


def test_a_message_that_holds_itself_ends_in_json() -> None:
    schema = json.dumps(
        {
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
        }
    )
    (field,) = SchemaForm(schema).fields(Form())

    kinds = [field.kind]
    while field.fields:
        (field,) = field.fields
        kinds.append(field.kind)

    assert kinds == ["group"] * 4 + ["json"]


def test_a_message_that_json_has_a_form_of_its_own_for_has_no_fields() -> None:
    assert not SchemaForm('{"type": "string", "format": "date-time"}').is_object
