"""The perdure options of services, rpcs and fields, as the deployment's own annotations file spells them."""

from collections.abc import Iterable

from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message

from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.error import ContractError


class Options:
    """Reads options. A contract that does not import the annotations has none."""

    def __init__(self, descriptors: Descriptors) -> None:
        self._pool = descriptors.pool

    def of_service(self, service: ServiceDescriptor) -> "Option":
        """`option (perdure.v1.service) = { … };`"""
        return self._read(service.GetOptions(), "perdure.v1.service", service.full_name)

    def of_method(self, method: MethodDescriptor) -> "Option":
        """`option (perdure.v1.method) = { … };`"""
        return self._read(method.GetOptions(), "perdure.v1.method", method.full_name)

    def of_field(self, field: FieldDescriptor) -> "Option":
        """`[(perdure.v1.field) = { … }]`"""
        return self._read(field.GetOptions(), "perdure.v1.field", field.full_name)

    def _read(self, options: Message, extension_name: str, place: str) -> "Option":
        """Options come as messages of the process-wide pool, which does not know our extensions: parse them again."""
        try:
            extension = self._pool.FindExtensionByName(extension_name)
        except KeyError:
            return Option(None, place)
        assert extension.containing_type is not None
        known = message_factory.GetMessageClass(extension.containing_type).FromString(options.SerializeToString())
        return Option(next((value for field, value in known.ListFields() if field == extension), None), place)


class Option:
    """The fields of one option message, or of none.

    A field that an older annotations file does not have yet counts as not set.
    """

    def __init__(self, message: Message | None, place: str) -> None:
        self._message = message
        self.place = place

    def nested(self, name: str) -> "Option":
        """A message field; of nothing where it is not set."""
        value = self._get(name)
        return Option(value if isinstance(value, Message) else None, self.place)

    def many(self, name: str) -> "list[Option]":
        """The messages of a repeated field."""
        values = self._get(name)
        # An older annotations file has no such field.
        return [Option(value, self.place) for value in values] if isinstance(values, Iterable) else []

    def enum(self, name: str) -> str:
        """The name of an enum value: the empty string where it is unspecified. Raises ContractError."""
        number = self._get(name)
        if not number or self._message is None:
            return ""
        assert isinstance(number, int)
        values = self._message.DESCRIPTOR.fields_by_name[name].enum_type
        value = values.values_by_number.get(number) if values is not None else None
        if value is None:
            raise ContractError(
                f"{self.place} sets {name} to {number}, which its perdure annotations do not define; "
                "generate the endpoint's code again"
            )
        return value.name

    def text(self, name: str) -> str:
        """A string."""
        return str(self._get(name) or "")

    def number(self, name: str) -> float:
        """A number; 0 where it is not set."""
        value = self._get(name)
        return value if isinstance(value, int | float) else 0

    def flag(self, name: str) -> bool:
        """A bool."""
        return self._get(name) is True

    def said_flag(self, name: str) -> bool | None:
        """An optional bool, or None where it is not set."""
        value = self._get(name)
        return value if isinstance(value, bool) else None

    def duration_ms(self, name: str) -> int | None:
        """A duration in milliseconds, or None where it is not set. Raises ContractError when it is below zero."""
        duration = self.nested(name)
        if duration._message is None:
            return None
        milliseconds = int(duration.number("seconds")) * 1000 + int(duration.number("nanos")) // 1_000_000
        if milliseconds < 0:
            raise ContractError(f"{self.place} sets {name} to {milliseconds} ms; a duration here is zero or longer")
        return milliseconds

    def _get(self, name: str) -> object:
        if self._message is None:
            return None
        field = self._message.DESCRIPTOR.fields_by_name.get(name)
        if field is None or (field.has_presence and not self._message.HasField(name)):
            return None
        return getattr(self._message, name)
