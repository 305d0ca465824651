"""The perdure options of services, rpcs and fields, as the annotations file of the run spells them."""

from collections.abc import Iterable

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldOptions, FileDescriptorProto, MethodOptions, ServiceOptions
from google.protobuf.message import Message

ANNOTATIONS = "perdure/v1/annotations.proto"
# The number of our three extensions.
EXTENSION = 50551


class Options:
    """Reads options. A run whose files do not import the annotations has none."""

    def __init__(self, files: Iterable[FileDescriptorProto]) -> None:
        by_name = {file.name: file for file in files}
        self._pool = descriptor_pool.DescriptorPool()
        # The annotations and what they need, and nothing else: a file that the pool cannot hold is none of theirs.
        added: set[str] = set()
        waiting = [ANNOTATIONS] if ANNOTATIONS in by_name else []
        while waiting:
            missing = [name for name in by_name[waiting[-1]].dependency if name not in added]
            if missing:
                waiting.extend(missing)
                continue
            name = waiting.pop()
            if name not in added:
                self._pool.Add(by_name[name])
                added.add(name)

    def read(self, options: ServiceOptions | MethodOptions | FieldOptions, extension_name: str) -> "Option":
        """What an extension such as "perdure.v1.service" says.

        Options come as messages of the process-wide pool, which does not know our extensions: parse them again.
        """
        try:
            extension = self._pool.FindExtensionByName(extension_name)
        except KeyError:
            return Option(None)
        assert extension.containing_type is not None
        known = message_factory.GetMessageClass(extension.containing_type).FromString(options.SerializeToString())
        return Option(next((value for field, value in known.ListFields() if field == extension), None))


class Option:
    """The fields of one option message, or of none.

    A field that an older annotations file does not have yet counts as not set.
    """

    def __init__(self, message: object) -> None:
        self._message = message if isinstance(message, Message) else None

    def nested(self, name: str) -> "Option":
        """A message field; of nothing where it is not set."""
        return Option(self._get(name))

    def list(self, name: str) -> "list[Option]":
        """A repeated message field."""
        values = self._get(name)
        return [Option(value) for value in values] if isinstance(values, Iterable) else []

    def enum(self, name: str) -> str:
        """The name of an enum value: the empty string where it is unspecified."""
        number = self._get(name)
        if not isinstance(number, int) or not number or self._message is None:
            return ""
        values = self._message.DESCRIPTOR.fields_by_name[name].enum_type
        assert values is not None
        return values.values_by_number[number].name

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

    def duration_ns(self, name: str) -> int | None:
        """A duration, or None where it is not set."""
        duration = self.nested(name)
        if duration._message is None:
            return None
        return int(duration.number("seconds")) * 1_000_000_000 + int(duration.number("nanos"))

    def _get(self, name: str) -> object:
        if self._message is None:
            return None
        field = self._message.DESCRIPTOR.fields_by_name.get(name)
        if field is None or (field.has_presence and not self._message.HasField(name)):
            return None
        value: object = getattr(self._message, name)
        return value
