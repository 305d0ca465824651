"""One message type, compiled: how its betterproto objects become upb messages, and upb messages objects.

Compiled once from the descriptor, at first use: a list of functions for the fields, so that a message costs what is set
in it.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import betterproto
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from perdure.codec.defaults import UNSET_DURATION, UNSET_TIME, fields_of, is_lazy, metadata_of
from perdure.codec.errors import MalformedMessage, UnencodableMessage
from perdure.codec.unknown import unknown_bytes
from perdure.codec.values import WELL_KNOWN, Fill, Read

# Puts a value of a field into an upb message; takes the value of a field for an object's __dict__.
Put: TypeAlias = Callable[[Any, Any], None]
Take: TypeAlias = Callable[[Any], Any]

MOST_SHOWN = 80


class Shape:
    """A compiled message type. ``find`` gives the shapes of sub-messages, by descriptor and class.

    Attributes:
        bottomless: Whether its messages can be nested without end.
    """

    __slots__ = ("_descriptor", "_find", "_groups", "_puts", "_takes", "_template", "bottomless", "cls", "name", "upb")

    def __init__(
        self, descriptor: Descriptor, cls: type[betterproto.Message], find: Callable[[Descriptor, type], "Shape"]
    ) -> None:
        self.cls = cls
        self.name = descriptor.full_name
        self.upb: type[Message] = message_factory.GetMessageClass(descriptor)
        self.bottomless = holds_itself(descriptor)
        self._descriptor = descriptor
        self._find = find
        self._puts: list[tuple[str, Put]] = []
        self._takes: dict[int, tuple[str, Take, str | None]] = {}
        self._template: dict[str, Any] = {}
        self._groups: dict[str, str | None] = {}

    def compile(self) -> None:
        """Reads the descriptor. Apart from making the shape, since messages may hold themselves."""
        meta = metadata_of(self.cls)
        numbers = meta.field_name_by_number
        for field in self._descriptor.fields:
            attribute = numbers[field.number]
            group = meta.oneof_group_by_field.get(attribute)
            put, take = self._field(field, attribute, meta.cls_by_field)
            self._puts.append((attribute, put))
            self._takes[field.number] = (attribute, take, group)
            # As dataclasses would fill them: fields with presence of their own are None.
            is_optional = meta.meta_by_field_name[attribute].optional
            self._template[attribute] = None if is_optional else betterproto.PLACEHOLDER
            if group is not None:
                self._groups[group] = None

    def fill(self, message: betterproto.Message, out: Any) -> None:
        """Copies what is set in a message into an empty upb message. Raises UnencodableMessage."""
        values = fields_of(message, "__dict__")
        attribute = ""
        try:
            for attribute, put in self._puts:
                value = values[attribute]
                # By identity: comparing would ask user types.
                if (
                    value is not betterproto.PLACEHOLDER
                    and value is not None
                    and value is not UNSET_TIME
                    and value is not UNSET_DURATION
                ):
                    put(out, value)
        except UnencodableMessage as error:
            error.path.insert(0, attribute)
            raise
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            shown = repr(values[attribute])
            shown = shown if len(shown) <= MOST_SHOWN else f"{shown[:MOST_SHOWN]}…"
            raise UnencodableMessage([attribute], f"cannot be {shown}: {error}") from error
        unknown = values["_unknown_fields"]
        if unknown:
            try:
                out.MergeFromString(unknown)
            except DecodeError as error:
                raise UnencodableMessage(["_unknown_fields"], f"are no fields: {error}") from error

    def read(self, message: Any) -> betterproto.Message:
        """The object of an upb message. Raises MalformedMessage."""
        made = self.cls.__new__(self.cls)
        values = fields_of(made, "__dict__")
        values.update(self._template)
        groups = self._groups.copy()
        takes = self._takes
        for field, value in message.ListFields():
            attribute, take, group = takes[field.number]
            try:
                values[attribute] = take(value)
            except OverflowError as error:
                raise MalformedMessage(f"{self.name}.{field.name} has no value in Python: {error}") from error
            if group is not None:
                groups[group] = attribute
        values["_serialized_on_wire"] = True
        values["_unknown_fields"] = unknown_bytes(message)
        values["_group_current"] = groups
        return made

    # Compiling one field.

    def _field(self, field: FieldDescriptor, attribute: str, classes: Mapping[str, type]) -> tuple[Put, Take]:
        entry = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            value = entry.fields_by_name["value"]
            return self._map(field.name, value, classes.get(f"{attribute}.value"))
        if field.is_repeated:
            return self._repeated(field, classes[attribute])
        if entry is None:
            take = _enum(classes[attribute]) if field.enum_type is not None else _same
            return partial(_put_scalar, field.name), take
        fill, read = self._element(entry, classes[attribute])
        if entry.full_name in WELL_KNOWN:
            return partial(_put_well_known, field.name, fill), read
        shape = self._find(entry, classes[attribute])
        return partial(_put_message, field.name, shape), shape.read

    def _repeated(self, field: FieldDescriptor, cls: type) -> tuple[Put, Take]:
        if field.message_type is None:
            take = list if field.enum_type is None else partial(_each, _enum(cls))
            return partial(_put_scalars, field.name), take
        fill, read = self._element(field.message_type, cls)
        return partial(_put_messages, field.name, fill), partial(_each, read)

    def _map(self, name: str, value: FieldDescriptor, cls: type | None) -> tuple[Put, Take]:
        if value.message_type is None:
            take = _sorted if value.enum_type is None or cls is None else partial(_each_value, _enum(cls))
            return partial(_put_scalar_map, name), take
        fill, read = self._element(value.message_type, cls)
        return partial(_put_message_map, name, fill), partial(_each_value, read)

    def _element(self, descriptor: Descriptor, cls: type | None) -> tuple[Fill, Read]:
        """How one sub-message is filled and read."""
        known = WELL_KNOWN.get(descriptor.full_name)
        if known is not None:
            return known
        assert cls is not None
        shape = self._find(descriptor, cls)
        return partial(_fill_message, shape), shape.read


def _put_scalar(name: str, out: Any, value: Any) -> None:
    setattr(out, name, value)


def _put_scalars(name: str, out: Any, values: Any) -> None:
    getattr(out, name).extend(_list(values))


def _put_well_known(name: str, fill: Fill, out: Any, value: Any) -> None:
    fill(getattr(out, name), value)


def _put_message(name: str, shape: Shape, out: Any, value: Any) -> None:
    if isinstance(value, shape.cls) and is_lazy(value):
        # Somebody read it, and may have changed what is in it: it is set if it holds anything.
        read = shape.upb()
        shape.fill(value, read)
        if read.ByteSize():
            getattr(out, name).CopyFrom(read)
        return
    _fill_message(shape, getattr(out, name), value)


def _put_messages(name: str, fill: Fill, out: Any, values: Any) -> None:
    add = getattr(out, name).add
    for index, value in enumerate(_list(values)):
        try:
            fill(add(), value)
        except UnencodableMessage as error:
            error.path.insert(0, f"[{index}]")
            raise


def _put_scalar_map(name: str, out: Any, values: Any) -> None:
    target = getattr(out, name)
    for key, value in _dict(values).items():
        target[key] = value


def _put_message_map(name: str, fill: Fill, out: Any, values: Any) -> None:
    target = getattr(out, name)
    for key, value in _dict(values).items():
        try:
            fill(target[key], value)
        except UnencodableMessage as error:
            error.path.insert(0, f"[{key!r}]")
            raise


def _fill_message(shape: Shape, out: Any, value: Any) -> None:
    if type(value) is not shape.cls:
        raise TypeError(f"expected a {shape.cls.__name__}, got {type(value).__name__}")
    shape.fill(value, out)
    out.SetInParent()


def _list(values: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(values, list | tuple):
        raise TypeError(f"expected a list, got {type(values).__name__}")
    return values


def _dict(values: Any) -> dict[Any, Any]:
    if not isinstance(values, dict):
        raise TypeError(f"expected a dict, got {type(values).__name__}")
    return values


def _same(value: Any) -> Any:
    return value


def _each(read: Read, values: Any) -> list[Any]:
    return [read(value) for value in values]


def _sorted(values: Any) -> dict[Any, Any]:
    # upb gives entries in an order that differs between processes: a replay that goes through a map must not.
    return dict(sorted(values.items()))


def _each_value(read: Read, values: Any) -> dict[Any, Any]:
    return {key: read(values[key]) for key in sorted(values)}


def holds_itself(descriptor: Descriptor) -> bool:
    """Whether messages of this type, or within it, can be nested without end."""
    above: set[str] = set()
    bounded: set[str] = set()

    def is_bottomless(part: Descriptor) -> bool:
        name = part.full_name
        if name in above or name in bounded:
            return name in above
        above.add(name)
        found = any(is_bottomless(field.message_type) for field in part.fields if field.message_type is not None)
        above.remove(name)
        bounded.add(name)
        return found

    return is_bottomless(descriptor)


def _enum(cls: type) -> Read:
    if not issubclass(cls, betterproto.Enum):
        raise TypeError(f"{cls.__name__} is no enum: generate the code again")
    return cls.try_value
