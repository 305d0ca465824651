"""Message and enum classes, with the names and types that betterproto's own generator would give them.

That generator cannot be used itself: it formats with black and isort, writes types that strict checking refuses where a
field is called like a type, and loses track of nested names. Here is the part of it that perdure needs.
"""

from dataclasses import dataclass

from perdure_codegen import naming
from perdure_codegen.contract import Enum, Field, Message
from perdure_codegen.layout import docstring, fit
from perdure_codegen.references import WRAPPERS, References


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of a class: the finished line, and its finished docstring, which may be empty."""

    line: str
    doc: str


@dataclass(frozen=True, slots=True)
class Class:
    """A message or enum class."""

    name: str
    doc: str
    attributes: tuple[Attribute, ...]


def enum_class(enum: Enum) -> Class:
    """The class of an enum."""
    return Class(
        name=naming.class_name(enum),
        doc=_doc(enum.comment),
        attributes=tuple(
            Attribute(f"{naming.member(value, enum)} = {value.number}", _doc(value.comment)) for value in enum.values
        ),
    )


def message_class(message: Message, references: References) -> Class:
    """The class of a message."""
    names = [naming.attribute(field) for field in message.fields]
    return Class(
        name=naming.class_name(message),
        doc=_doc(message.comment),
        attributes=tuple(
            Attribute(
                fit(
                    f"{name}: {references.annotation(field, names)} = _betterproto.{_maker(field)}(",
                    _arguments(field),
                    ")",
                    depth=1,
                ),
                _doc(field.comment),
            )
            for name, field in zip(names, message.fields, strict=True)
        ),
    )


def _doc(comment: str) -> str:
    return docstring(comment, depth=1) if comment else ""


def _maker(field: Field) -> str:
    return "map_field" if field.map_key is not None else f"{field.type.proto}_field"


def _arguments(field: Field) -> list[str]:
    if field.map_key is not None:
        return [
            str(field.number),
            f"_betterproto.TYPE_{field.map_key.proto.upper()}",
            f"_betterproto.TYPE_{field.type.proto.upper()}",
        ]
    arguments = [str(field.number)]
    if field.type.name in WRAPPERS:
        arguments.append(f"wraps=_betterproto.TYPE_{WRAPPERS[field.type.name].upper()}")
    if field.optional:
        arguments.append("optional=True")
    if field.oneof:
        arguments.append(f'group="{field.oneof}"')
    return arguments
