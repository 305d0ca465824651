"""Messages of contracts, from and to the JSON that people read and write: the names of fields as in the contract."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, EncodeError, Message

from perdure_runtime.contracts.descriptors import Descriptors


class NotShown(Exception):
    """Bytes that are no such message, or that JSON has no words for; the message says why."""


class NotRead(Exception):
    """JSON that is no such message; the message says why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A message type, and the pool that knows what its Any fields hold."""

    message: type[Message]
    pool: DescriptorPool

    @property
    def name(self) -> str:
        """Its full name."""
        return self.message.DESCRIPTOR.full_name

    @property
    def fields(self) -> list[str]:
        """The names of its fields, as its contract has them."""
        return [field.name for field in self.message.DESCRIPTOR.fields]

    def to_json(self, value: bytes) -> str:
        """The JSON of a serialised message. Raises NotShown."""
        return _text(self._dict(self._parse(value)))

    def field_to_json(self, value: bytes, field: str) -> str:
        """The JSON of one field of a serialised message. Raises NotShown."""
        if field not in self.fields:
            raise NotShown(f"{self.name} has no field {field!r} any more")
        known = self._dict(self._parse(value))
        if field not in known:
            # It is as it is where nothing is said.
            known = self._dict(self._parse(b""), defaults=True)
        return _text(known.get(field))

    def from_json(self, text: str) -> bytes:
        """The serialised message of JSON. Raises NotRead."""
        value = read_json(text)
        if not isinstance(value, dict) and self.message.DESCRIPTOR.file.package != "google.protobuf":
            raise NotRead(f"it is no JSON object; write {{…}} with fields of {self.name}")
        return self._serialise(value)

    def field_from_json(self, field: str, value: object) -> bytes:
        """The serialised message with this one field, from the value of its JSON. Raises NotRead."""
        if field not in self.fields:
            known = ", ".join(self.fields) or "none"
            raise NotRead(f"{self.name} has no field {field[:100]!r}; it has {known}")
        return self._serialise({field: value})

    def _parse(self, value: bytes) -> Message:
        try:
            return self.message.FromString(value)
        except DecodeError as error:
            raise NotShown(f"the bytes are no {self.name}: {error}") from error

    def _dict(self, message: Message, *, defaults: bool = False) -> Any:
        try:
            return json_format.MessageToDict(
                message,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=defaults,
                descriptor_pool=self.pool,
            )
        # What json_format raises where JSON has no words, such as for an Any of an unknown type.
        except (json_format.Error, DecodeError, ValueError, TypeError, RecursionError) as error:
            raise NotShown(f"this {self.name} cannot be written as JSON: {error}") from error

    def _serialise(self, value: object) -> bytes:
        message = self.message()
        try:
            json_format.Parse(json.dumps(value), message, descriptor_pool=self.pool)
            return message.SerializeToString(deterministic=True)
        except (json_format.Error, EncodeError, ValueError, TypeError, RecursionError) as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise NotRead(f"it is no {self.name}: {said}") from error


def read_json(text: str) -> object:
    """A value of JSON. Raises NotRead."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotRead(f"it is no JSON: {error or 'it is nested too deep'}") from error
    return value


def find_shape(name: str, sets: Iterable[Descriptors]) -> Shape | None:
    """A message by its full name, in the first of these that has it."""
    for descriptors in sets:
        try:
            return shape_of(descriptors.pool.FindMessageTypeByName(name.removeprefix(".")), descriptors)
        except KeyError:
            continue
    return None


def descriptor_of(message: type[Message]) -> Descriptor:
    """The descriptor of a class, whose type is that of the pure Python pool or of upb's: both do the same."""
    return cast(Descriptor, message.DESCRIPTOR)


def shape_of(type: Descriptor, descriptors: Descriptors) -> Shape:
    """A message of these descriptors."""
    return Shape(message_factory.GetMessageClass(type), descriptors.pool)


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
