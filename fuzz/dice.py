"""Decisions read from bytes: so a fuzzer that changes one byte changes one decision."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

T = TypeVar("T")
M = TypeVar("M", bound=Message)

# Deeper than any of our messages; a message that holds itself must come to an end.
DEEPEST = 5
# What has a meaning somewhere, good or bad.
TELLING = (
    *("", "a", "k", "inv_1", "awk_1_0_a", "shop.v1.Orders", "Process", "shop.v1.Orders/Process", "x" * 300, "\x00"),
    *("é", "😀", "-1", "0", "9" * 30, "{}", "[", "null", "../..", "%00", "text/event-stream", "inv_" + "Z" * 26),
)
NUMBERS = (0, 1, 2, 3, 7, 255, 256, 65_535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)


class Dice:
    """Bytes, used up from the front. When there are none left every decision is the first choice."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._at

    def byte(self) -> int:
        """The next byte; 0 at the end."""
        if self._at >= len(self._data):
            return 0
        self._at += 1
        return self._data[self._at - 1]

    def below(self, limit: int) -> int:
        """A number from 0 up to ``limit``, which is at most 65,536."""
        number = self.byte()
        return (number if limit <= 256 else number << 8 | self.byte()) % limit

    def yes(self, one_in: int = 2) -> bool:
        """True once in so many times; never at the end."""
        return self.byte() % one_in == 1 % one_in

    def choice(self, choices: Sequence[T]) -> T:
        """One of them."""
        return choices[self.below(len(choices))]

    def raw(self, most: int = 256) -> bytes:
        """Bytes as they are."""
        size = self.below(most + 1)
        self._at += size
        return self._data[self._at - size : self._at]

    def text(self) -> str:
        """A text: one that tells something, or any."""
        return self.choice(TELLING) if self.yes() else self.raw(40).decode(errors="replace")

    def number(self) -> int:
        """A number of any size, from 0 on."""
        return self.choice(NUMBERS) if self.yes() else self.below(65_536)

    def many(self, most: int, one: Callable[[], T]) -> list[T]:
        """Up to ``most`` of them."""
        return [one() for _ in range(self.below(most + 1))]

    def message(self, kind: type[M], depth: int = 0) -> M:
        """A message with some of its fields."""
        message = kind()
        self.fill(message, depth)
        return message

    def fill(self, message: Message, depth: int = 0) -> None:
        """Sets some fields of a message."""
        fields = cast(Sequence[FieldDescriptor], message.DESCRIPTOR.fields)
        for _ in range(self.below(min(len(fields) + 1, 6))):
            self._set(message, fields[self.below(len(fields))], depth)

    def _set(self, message: Message, field: FieldDescriptor, depth: int) -> None:
        # Fields are known by name at run time alone.
        holder: Any = getattr(message, field.name)
        if _is_map(field.message_type):
            self._put(holder, field, depth)
        elif field.is_repeated:
            for _ in range(1 + self.below(3)):
                if field.message_type is None:
                    holder.append(self._scalar(field))
                elif depth < DEEPEST:
                    self.fill(holder.add(), depth + 1)
        elif field.message_type is None:
            setattr(message, field.name, self._scalar(field))
        elif depth < DEEPEST:
            holder.SetInParent()
            self.fill(holder, depth + 1)

    def _put(self, holder: Any, field: FieldDescriptor, depth: int) -> None:
        assert field.message_type is not None
        value = field.message_type.fields_by_name["value"]
        key = self._scalar(field.message_type.fields_by_name["key"])
        if value.message_type is None:
            holder[key] = self._scalar(value)
        elif depth < DEEPEST:
            self.fill(holder[key], depth + 1)

    def _scalar(self, field: FieldDescriptor) -> object:
        match field.cpp_type:
            case FieldDescriptor.CPPTYPE_STRING:
                return self.raw() if field.type == FieldDescriptor.TYPE_BYTES else self.text().replace("\ud800", "")
            case FieldDescriptor.CPPTYPE_BOOL:
                return self.yes()
            case FieldDescriptor.CPPTYPE_DOUBLE | FieldDescriptor.CPPTYPE_FLOAT:
                return self.choice((0.0, 1.5, -1.0, float("inf"), float("nan"), 1e300))
            case FieldDescriptor.CPPTYPE_ENUM:
                return self.below(9)
            case FieldDescriptor.CPPTYPE_UINT32:
                return self.number() % 2**32
            case FieldDescriptor.CPPTYPE_UINT64:
                return self.number()
            case FieldDescriptor.CPPTYPE_INT32:
                return self._signed() % 2**32 - 2**31
            case _:
                return self._signed()

    def _signed(self) -> int:
        number = self.number()
        return -number if self.yes(4) else number


def _is_map(kind: Descriptor | None) -> bool:
    return kind is not None and kind.GetOptions().map_entry
