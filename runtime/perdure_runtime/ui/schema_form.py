"""A form for a message, made from its JSON Schema, and the message that somebody has filled in, as JSON.

A field that is left empty is left out of the message, so it has its default. What a form cannot say well, maps and
messages very deep down, is written as JSON in place.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form

Schema: TypeAlias = Mapping[str, Any]

# Messages within messages are fields down to here; a message can hold itself without end.
DEPTH = 4
# Stands for the number of an item that the script adds.
NEXT = "__n__"
WHOLE = re.compile(r"-?[0-9]{1,20}")
NO_NUMBERS = ("NaN", "Infinity", "-Infinity")
ABSENT = object()


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``kind`` is text, whole, decimal, choice, json, group or list.

    ``path`` is its name in the form. A group has its ``fields``; a list its items there, and in ``blank`` the one that
    is added next.
    """

    path: str
    label: str
    kind: str
    hint: str = ""
    value: str = ""
    choices: tuple[str, ...] = ()
    fields: tuple["Field", ...] = ()
    blank: "Field | None" = None
    is_key: bool = False


class SchemaForm:
    """The form of one message."""

    def __init__(self, schema: str, key_field: str = "") -> None:
        """``schema`` is JSON Schema, as ``Handler.request_schema`` has it."""
        self._root: Schema = json.loads(schema) if schema else {}
        self._defs: Mapping[str, Schema] = self._root.get("$defs", {})
        self._key_field = key_field

    @property
    def is_object(self) -> bool:
        """Whether the message has fields to fill in; those that JSON has a form of its own for have none."""
        return "properties" in self._at(self._root)

    def fields(self, form: Form) -> tuple[Field, ...]:
        """The fields, with what the form has in them."""
        properties: Mapping[str, Schema] = self._at(self._root).get("properties", {})
        return tuple(
            self._field(f"request.{name}", name, schema, form, DEPTH, is_key=name == self._key_field)
            for name, schema in properties.items()
        )

    def message(self, form: Form) -> str:
        """What the form says, as JSON. Raises Refusal where a field has what is none of its type."""
        value = self._read("request", self._root, form, DEPTH + 1)
        return json.dumps({} if value is ABSENT else value, ensure_ascii=False, indent=2)

    def _at(self, schema: Schema) -> Schema:
        """A schema itself, where another refers to it."""
        reference = schema.get("$ref", "")
        return self._defs.get(reference.removeprefix("#/$defs/"), {}) if reference else schema

    def _field(self, path: str, label: str, schema: Schema, form: Form, depth: int, *, is_key: bool = False) -> Field:
        schema = self._at(schema)
        kind = kind_of(schema, depth)
        match kind:
            case "group":
                fields = tuple(
                    self._field(f"{path}.{name}", name, each, form, depth - 1)
                    for name, each in schema["properties"].items()
                )
                return Field(path, label, kind, hint=schema.get("title", ""), fields=fields)
            case "list":
                # The one beyond those that are filled in is there for who has no script.
                items = tuple(
                    self._field(f"{path}.{number}", f"{label} {number + 1}", schema["items"], form, depth - 1)
                    for number in range(_length(path, form) + 1)
                )
                blank = self._field(f"{path}.{NEXT}", f"{label} +", schema["items"], Form(), depth - 1)
                return Field(path, label, kind, fields=items, blank=blank)
            case _:
                choices = _choices(schema) if kind == "choice" else ()
                return Field(path, label, kind, _hint(schema, kind), form.text(path), choices, is_key=is_key)

    def _read(self, path: str, schema: Schema, form: Form, depth: int) -> Any:
        schema = self._at(schema)
        match kind_of(schema, depth):
            case "group":
                read = {
                    name: self._read(f"{path}.{name}", each, form, depth - 1)
                    for name, each in schema["properties"].items()
                }
                kept = {name: value for name, value in read.items() if value is not ABSENT}
                return kept or ABSENT
            case "list":
                items = [
                    self._read(f"{path}.{number}", schema["items"], form, depth - 1)
                    for number in range(_length(path, form))
                ]
                return [item for item in items if item is not ABSENT] or ABSENT
            case kind:
                written = form.text(path)
                return _value(path.partition(".")[2], kind, schema, written) if written.strip() else ABSENT


def kind_of(schema: Schema, depth: int) -> str:
    """How a field of a schema is filled in."""
    type = schema.get("type")
    if "properties" in schema and "@type" not in schema["properties"] and depth > 0:
        return "group"
    if type == "array" and "items" in schema and depth > 0:
        return "list"
    if "enum" in schema or type == "boolean":
        return "choice"
    if type == "integer" or (isinstance(type, list) and "integer" in type):
        return "whole"
    if "anyOf" in schema:
        return "decimal"
    return "text" if type == "string" else "json"


def _choices(schema: Schema) -> tuple[str, ...]:
    return ("true", "false") if schema.get("type") == "boolean" else tuple(str(each) for each in schema["enum"])


def _length(path: str, form: Form) -> int:
    """How many items of a list the form has."""
    start = f"{path}."
    numbers = [name[len(start) :].partition(".")[0] for name, _ in form if name.startswith(start)]
    # A number in a name is ours, unless somebody plays: then it is no reason to count to it.
    return min(max((int(each) + 1 for each in numbers if each.isascii() and each.isdigit()), default=0), 1_000)


def _hint(schema: Schema, kind: str) -> str:
    if schema.get("contentEncoding") == "base64":
        return "base64"
    if schema.get("format") == "date-time":
        return "2030-01-31T12:00:00Z"
    if kind == "text" and str(schema.get("pattern", "")).endswith("s$"):
        return "60s"
    if kind == "json":
        return "JSON"
    return {"whole": "whole number", "decimal": "number"}.get(kind, "")


def _value(label: str, kind: str, schema: Schema, written: str) -> Any:
    """What is written in a field, as JSON has it."""
    match kind:
        case "whole":
            if not WHOLE.fullmatch(written.strip()):
                raise _wrong(label, written, "a whole number")
            # As text, numbers of 64 bits come through whole.
            return int(written) if schema.get("type") == "integer" else written.strip()
        case "decimal":
            if written.strip() in NO_NUMBERS:
                return written.strip()
            return _parsed(label, written, "a number, such as 1.5", (int, float))
        case "choice":
            return written == "true" if schema.get("type") == "boolean" else written
        case "json":
            return _parsed(label, written, "JSON, such as {} or []", None)
        case _:
            return written


def _parsed(label: str, written: str, what: str, types: tuple[type, ...] | None) -> Any:
    try:
        value = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise _wrong(label, written, what) from error
    if types is not None and not isinstance(value, types):
        raise _wrong(label, written, what)
    return value


def _wrong(label: str, written: str, what: str) -> Refusal:
    return Refusal(Status.INVALID_ARGUMENT, f"{label} is {written[:40]!r}; write {what}")
