"""Results of steps as bytes, and back to the same Python types.

The first byte tells the form: 1 for bytes as they are, 2 for a message (its class, a zero byte, its serialised
form), anything else is JSON. In JSON, what JSON has no type for is an object with ``$type``.
"""

import base64
import dataclasses
import enum
import json
import math
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

import betterproto

from perdure import codec
from perdure.annotations import Annotations
from perdure.errors import UnsupportedResult

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

BYTES = b"\x01"
MESSAGE = b"\x02"
TYPE = "$type"
VALUE = "value"
CLASS = "class"
SUPPORTED = (
    "None, bool, int, float, str, bytes, messages of contracts, enums, datetime, date, timedelta, UUID, Decimal, and "
    "lists, tuples, sets, dicts and dataclasses of these"
)


def dump(value: object, step: str) -> bytes:
    """The bytes of a result.

    Raises:
        UnsupportedResult: It is, or holds, something of another type than those of ``SUPPORTED``.
    """
    if isinstance(value, bytes) and type(value) is bytes:
        return BYTES + value
    if isinstance(value, betterproto.Message):
        return MESSAGE + _class_name(type(value)).encode() + b"\0" + codec.encode(value)
    return json.dumps(Dumper(step).json(value, "result"), ensure_ascii=False, separators=(",", ":")).encode()


def load(data: bytes, annotations: Annotations) -> object:
    """The result of these bytes; ``annotations`` of the function tell classes that have moved.

    Raises:
        UnsupportedResult: It is of a class that cannot be found any more.
    """
    if data.startswith(BYTES):
        return data[1:]
    if data.startswith(MESSAGE):
        name, _, serialised = data[1:].partition(b"\0")
        return codec.decode(_message_class(annotations.find(name.decode())), serialised)
    return Loader(annotations).value(json.loads(data))


class Dumper:
    """Turns values into JSON, and says where one is that it cannot."""

    def __init__(self, step: str) -> None:
        self._step = step

    def json(self, value: object, where: str) -> Json:
        """The JSON of a value."""
        if value is None or type(value) is bool or type(value) is int or type(value) is str:
            return value
        if type(value) is float:
            return self._float(value)
        if type(value) is list:
            return self._list(value, where)
        if type(value) is dict:
            return self._dict(value, where)
        return self._tagged(value, where)

    def _float(self, value: float) -> Json:
        # JSON has no infinities, and readers of the journal are not all Python.
        return value if math.isfinite(value) else {TYPE: "float", VALUE: repr(value)}

    def _list(self, values: "list[object] | tuple[object, ...]", where: str) -> list[Json]:
        return [self.json(each, f"{where}[{index}]") for index, each in enumerate(values)]

    def _dict(self, values: Mapping[object, object], where: str) -> Json:
        if all(type(key) is str for key in values) and TYPE not in values:
            return {str(key): self.json(each, f"{where}[{key!r}]") for key, each in values.items()}
        pairs: list[Json] = [
            [self.json(key, f"a key of {where}"), self.json(each, f"{where}[{key!r}]")] for key, each in values.items()
        ]
        return {TYPE: "dict", VALUE: pairs}

    def _tagged(self, value: object, where: str) -> Json:
        kind = type(value)
        if isinstance(value, betterproto.Message):
            return {TYPE: "message", CLASS: _class_name(kind), VALUE: _base64(codec.encode(value))}
        if isinstance(value, (enum.Enum, betterproto.Enum)):
            if value.name is None:
                raise self._unsupported(value, where, "it is no member of its enum")
            return {TYPE: "enum", CLASS: _class_name(kind), VALUE: value.name}
        if type(value) is tuple:
            return {TYPE: "tuple", VALUE: self._list(value, where)}
        if isinstance(value, (set, frozenset)) and kind in (set, frozenset):
            # Sorted by their text, so that equal sets give equal bytes.
            elements: list[Json] = sorted((self.json(each, f"an element of {where}") for each in value), key=json.dumps)
            return {TYPE: kind.__name__, VALUE: elements}
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return {TYPE: "namedtuple", CLASS: _class_name(kind), VALUE: self._list(value, where)}
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields: dict[str, Json] = {
                field.name: self.json(getattr(value, field.name), f"{where}.{field.name}")
                for field in dataclasses.fields(value)
                if field.init
            }
            return {TYPE: "dataclass", CLASS: _class_name(kind), VALUE: fields}
        scalar = SCALARS.get(kind)
        if scalar is None:
            raise self._unsupported(value, where, "")
        return {TYPE: kind.__name__, VALUE: scalar[0](value)}

    def _unsupported(self, value: object, where: str, why: str) -> UnsupportedResult:
        because = f": {why}" if why else ""
        return UnsupportedResult(
            f"step {self._step!r} gave {where} of type {type(value).__module__}.{type(value).__qualname__}, which the "
            f"journal cannot carry{because}; return one of {SUPPORTED}"
        )


class Loader:
    """Turns JSON back into values."""

    def __init__(self, annotations: Annotations) -> None:
        self._annotations = annotations

    def value(self, json: Json) -> object:
        """The value of JSON."""
        if isinstance(json, list):
            return [self.value(each) for each in json]
        if not isinstance(json, dict):
            return json
        if TYPE not in json:
            return {key: self.value(each) for key, each in json.items()}
        return self._tagged(json)

    def _tagged(self, json: dict[str, Any]) -> object:
        value = json[VALUE]
        find = self._annotations.find
        match json[TYPE]:
            case "message":
                return codec.decode(_message_class(find(json[CLASS])), base64.b64decode(value))
            case "enum":
                return find(json[CLASS])[value]
            case "dataclass":
                return find(json[CLASS])(**{name: self.value(each) for name, each in value.items()})
            case "namedtuple":
                return find(json[CLASS])(*(self.value(each) for each in value))
            case "dict":
                return {self.value(key): self.value(each) for key, each in value}
            case "float":
                return float(value)
            case "tuple" | "set" | "frozenset" as name:
                return COLLECTIONS[name](self.value(each) for each in value)
            case name:
                return SCALAR_LOADERS[name](value)


def _class_name(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _message_class(found: type[Any]) -> type[betterproto.Message]:
    if not issubclass(found, betterproto.Message):
        raise UnsupportedResult(f"the journal has a message {_class_name(found)}, which is a message no more")
    return found


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _microseconds(value: timedelta) -> int:
    return value // timedelta(microseconds=1)


COLLECTIONS: dict[str, Callable[..., object]] = {"tuple": tuple, "set": set, "frozenset": frozenset}
# Types with one text form: how to write and read it.
SCALARS: dict[type, tuple[Callable[[Any], Json], Callable[[Any], object]]] = {
    bytes: (_base64, base64.b64decode),
    datetime: (datetime.isoformat, datetime.fromisoformat),
    date: (date.isoformat, date.fromisoformat),
    timedelta: (_microseconds, lambda value: timedelta(microseconds=value)),
    uuid.UUID: (str, uuid.UUID),
    Decimal: (str, Decimal),
}
SCALAR_LOADERS = {kind.__name__: load for kind, (_, load) in SCALARS.items()}
