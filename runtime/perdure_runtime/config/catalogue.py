"""The list of all settings, read from the schema: for those who give values, and for the documentation."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from perdure_runtime.config.settings import Settings
from perdure_runtime.config.values import Address

# From the section to the setting, such as ("tls", "ingress", "cert").
Place: TypeAlias = tuple[str, ...]

PREFIX = "PERDURE_"
_WORDS: Mapping[object, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Path: "path",
    timedelta: "duration",
    SecretStr: "secret",
    get_args(Address)[0]: "host:port",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, with all that can be said of it.

    ``flag`` is empty where no command has one; ``environment`` the variable that gives it.
    """

    place: Place
    annotation: object
    kind: str
    default: object
    environment: str
    flag: str
    meaning: str
    is_secret: bool

    @property
    def parts(self) -> tuple["Setting", ...]:
        """Of a list of tables, what each table has."""
        inside = get_args(self.annotation)
        model = inside[0] if inside else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return ()
        return tuple(
            _setting((*self.place, name), field, None if field.is_required() else field.get_default())
            for name, field in model.model_fields.items()
        )

    @property
    def name(self) -> str:
        """As people write it, such as ``ingress.listen``."""
        return ".".join(self.place)


@cache
def catalogue() -> Mapping[Place, Setting]:
    """All settings by their place, in the order of the schema."""
    return {setting.place: setting for setting in _settings((), Settings())}


def environment_name(place: Place) -> str:
    """The variable of a setting, such as ``PERDURE_INGRESS__LISTEN``."""
    return PREFIX + "__".join(place).upper()


def section_of(place: Place) -> str:
    """The table that a setting stands in."""
    return ".".join(place[:-1])


def sections() -> Mapping[str, str]:
    """What each table is for, in the order of the schema."""
    return dict(_sections((), Settings()))


def _sections(place: Place, model: BaseModel) -> Iterator[tuple[str, str]]:
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield ".".join((*place, name)), (type(value).__doc__ or "").strip().partition("\n")[0]
            yield from _sections((*place, name), value)


def _settings(place: Place, model: BaseModel) -> Iterator[Setting]:
    # What a table has itself comes before the tables in it, as in TOML.
    tables: list[tuple[Place, BaseModel]] = []
    for name, field in type(model).model_fields.items():
        value, here = getattr(model, name), (*place, name)
        # A table that may be left out is a value; one that is always there has settings of its own.
        if isinstance(value, BaseModel):
            tables.append((here, value))
        else:
            yield _setting(here, field, value)
    for here, table in tables:
        yield from _settings(here, table)


def _setting(place: Place, field: FieldInfo, default: object) -> Setting:
    extra = field.json_schema_extra
    said: Mapping[str, Any] = extra if isinstance(extra, dict) else {}
    return Setting(
        place=place,
        annotation=field.annotation,
        kind=words_of(field.annotation),
        default=default,
        environment=str(said.get("env", "")) or environment_name(place),
        flag=str(said.get("flag", "")),
        meaning=" ".join((field.description or "").split()),
        # What is left out of a repr is nobody's to read.
        is_secret="secret" in words_of(field.annotation) or not field.repr,
    )


def words_of(annotation: object) -> str:
    """A type in words."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(str(each) for each in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(words_of(each) for each in arguments if each is not type(None))
    if origin in (tuple, list, frozenset) and arguments:
        item = words_of(arguments[0])
        return f"list of {item}" if item in ("text", "host:port") else f"list of {item}s"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"table of {words_of(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return " or ".join(each.name.lower() for each in annotation)
    if origin is not None and arguments:  # Annotated
        return words_of(arguments[0])
    return str(annotation)
