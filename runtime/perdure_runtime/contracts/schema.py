"""JSON Schema of messages, as protobuf's JSON mapping writes them: draft 2020-12, with the contract's field names."""

import json
from typing import Any, TypeAlias

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from perdure_runtime.contracts.shapes import descriptor_of

Schema: TypeAlias = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
# 64-bit numbers are text in JSON, which has no room for them; numbers are read, too.
INT64 = r"^-?[0-9]{1,20}$"
UINT64 = r"^[0-9]{1,20}$"
NUMBER: Schema = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
SIGNED: Schema = {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1}
UNSIGNED: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}
LONG_SIGNED: Schema = {"type": ["string", "integer"], "pattern": INT64, "format": "int64"}
LONG_UNSIGNED: Schema = {"type": ["string", "integer"], "pattern": UINT64, "format": "uint64"}
BYTES: Schema = {"type": "string", "contentEncoding": "base64"}
KINDS: dict[int, Schema] = {
    FieldDescriptor.TYPE_DOUBLE: NUMBER,
    FieldDescriptor.TYPE_FLOAT: NUMBER,
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: BYTES,
    FieldDescriptor.TYPE_INT32: SIGNED,
    FieldDescriptor.TYPE_SINT32: SIGNED,
    FieldDescriptor.TYPE_SFIXED32: SIGNED,
    FieldDescriptor.TYPE_UINT32: UNSIGNED,
    FieldDescriptor.TYPE_FIXED32: UNSIGNED,
    FieldDescriptor.TYPE_INT64: LONG_SIGNED,
    FieldDescriptor.TYPE_SINT64: LONG_SIGNED,
    FieldDescriptor.TYPE_SFIXED64: LONG_SIGNED,
    FieldDescriptor.TYPE_UINT64: LONG_UNSIGNED,
    FieldDescriptor.TYPE_FIXED64: LONG_UNSIGNED,
}
# Messages that JSON has a form of its own for.
WELL_KNOWN: dict[str, Schema] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$"},
    "google.protobuf.FieldMask": {"type": "string"},
    "google.protobuf.Struct": {"type": "object"},
    "google.protobuf.Value": {},
    "google.protobuf.ListValue": {"type": "array"},
    "google.protobuf.Any": {"type": "object", "properties": {"@type": {"type": "string"}}},
    "google.protobuf.DoubleValue": NUMBER,
    "google.protobuf.FloatValue": NUMBER,
    "google.protobuf.Int64Value": LONG_SIGNED,
    "google.protobuf.UInt64Value": LONG_UNSIGNED,
    "google.protobuf.Int32Value": SIGNED,
    "google.protobuf.UInt32Value": UNSIGNED,
    "google.protobuf.BoolValue": {"type": "boolean"},
    "google.protobuf.StringValue": {"type": "string"},
    "google.protobuf.BytesValue": BYTES,
}
EXAMPLES: dict[str, Any] = {
    "google.protobuf.Timestamp": "2030-01-31T12:00:00Z",
    "google.protobuf.Duration": "60s",
    "google.protobuf.FieldMask": "",
    "google.protobuf.Value": None,
    "google.protobuf.Struct": {},
    "google.protobuf.ListValue": [],
    "google.protobuf.BoolValue": False,
    "google.protobuf.StringValue": "",
    "google.protobuf.BytesValue": "",
    **dict.fromkeys(("google.protobuf.Int64Value", "google.protobuf.UInt64Value"), "0"),
    **dict.fromkeys(
        (f"google.protobuf.{name}Value" for name in ("Double", "Float", "Int32", "UInt32")),
        0,
    ),
}
# An example goes so deep into messages that hold messages.
DEPTH = 5
# Whatever it holds must be named first.
ANY = "google.protobuf.Any"


class Schemas:
    """Schemas that refer to each other: one for each message and enum that was asked for, or is needed by those.

    Attributes:
        components: All schemas by full name.
    """

    def __init__(self, prefix: str, suffix: str = "", *, camel: bool = False) -> None:
        """``prefix`` is where they stand in their document, such as "#/components/schemas/".

        ``suffix`` tells messages of one name apart that come from several deployments. With ``camel`` fields have the
        names that protobuf's JSON gives them by default.
        """
        self._prefix = prefix
        self._suffix = suffix
        self._camel = camel
        self.components: dict[str, Schema] = {}

    def of(self, message: Descriptor) -> Schema:
        """The schema of a message: a reference, where it is not one of protobuf's own."""
        known = WELL_KNOWN.get(message.full_name)
        if known is not None:
            return known
        name = f"{message.full_name}{self._suffix}"
        if name not in self.components:
            # It stands there before its fields are looked at: they may lead back to it.
            schema: Schema = {"type": "object", "title": message.name}
            self.components[name] = schema
            schema["properties"] = {self._name(field): self.field(field) for field in message.fields}
            schema["additionalProperties"] = False
            if required := [self._name(field) for field in message.fields if field.is_required]:
                schema["required"] = required
        return {"$ref": f"{self._prefix}{name}"}

    def field(self, field: FieldDescriptor) -> Schema:
        """The schema of a field."""
        message = field.message_type
        if message is not None and message.GetOptions().map_entry:
            return {"type": "object", "additionalProperties": self._one(message.fields_by_name["value"])}
        if field.is_repeated:
            return {"type": "array", "items": self._one(field)}
        return self._one(field)

    def _name(self, field: FieldDescriptor) -> str:
        return field.json_name if self._camel else field.name

    def _one(self, field: FieldDescriptor) -> Schema:
        if field.message_type is not None:
            return self.of(field.message_type)
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        return KINDS[field.type]

    def _enum(self, enum: EnumDescriptor) -> Schema:
        if enum.full_name == "google.protobuf.NullValue":
            return {"type": "null"}
        name = f"{enum.full_name}{self._suffix}"
        self.components.setdefault(name, {"enum": [value.name for value in enum.values], "title": enum.name})
        return {"$ref": f"{self._prefix}{name}"}


def schema_of(message: type[Message]) -> str:
    """The JSON Schema of a message, whole."""
    schemas = Schemas("#/$defs/")
    schema = schemas.of(descriptor_of(message))
    return json.dumps({"$schema": DIALECT, **schema, "$defs": schemas.components}, ensure_ascii=False)


def example_of(message: type[Message]) -> str:
    """A message that has every field, as JSON: of the members of a oneof the first, and no message within itself."""
    return json.dumps(_example(descriptor_of(message), ()), ensure_ascii=False, indent=2)


def _example(message: Descriptor, within: tuple[str, ...]) -> Any:
    """``within`` are the messages that this one is in."""
    if message.full_name in EXAMPLES:
        return EXAMPLES[message.full_name]
    within = (*within, message.full_name)
    return {field.name: _field_example(field, within) for field in message.fields if _is_shown(field, within)}


def _is_shown(field: FieldDescriptor, within: tuple[str, ...]) -> bool:
    held = field.message_type
    if held is not None and held.GetOptions().map_entry:
        held = held.fields_by_name["value"].message_type
    is_deep = held is not None and (held.full_name in (*within, ANY) or len(within) == DEPTH)
    oneof = field.containing_oneof
    return not is_deep and (oneof is None or oneof.fields[0].number == field.number)


def _field_example(field: FieldDescriptor, within: tuple[str, ...]) -> Any:
    message = field.message_type
    if message is not None and message.GetOptions().map_entry:
        key, value = message.fields_by_name["key"], message.fields_by_name["value"]
        return {_key_example(key): _one_example(value, within)}
    return [_one_example(field, within)] if field.is_repeated else _one_example(field, within)


def _key_example(key: FieldDescriptor) -> str:
    if key.type == FieldDescriptor.TYPE_BOOL:
        return "true"
    return "key" if key.type == FieldDescriptor.TYPE_STRING else "1"


def _one_example(field: FieldDescriptor, within: tuple[str, ...]) -> Any:
    if field.message_type is not None:
        return _example(field.message_type, within)
    if field.enum_type is not None:
        return None if field.enum_type.full_name == "google.protobuf.NullValue" else field.enum_type.values[0].name
    if field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        return ""
    if field.type == FieldDescriptor.TYPE_BOOL:
        return False
    return "0" if KINDS[field.type] in (LONG_SIGNED, LONG_UNSIGNED) else 0
