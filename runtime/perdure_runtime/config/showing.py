"""The effective settings for people and for programs, without secrets."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from enum import Enum
from pathlib import Path

from pydantic import BaseModel, SecretStr
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import TimedeltaSchema

from perdure_runtime.config.catalogue import Setting, catalogue, section_of
from perdure_runtime.config.loading import Effective
from perdure_runtime.config.settings import Settings
from perdure_runtime.config.values import FORM, MASK, mask, show_address, show_duration


def text_lines(effective: Effective) -> Iterator[str]:
    """As TOML, each value with its source: what is left of it without comments is a file that gives the same."""
    section = ""
    for setting in catalogue().values():
        if section_of(setting.place) != section:
            if section:
                yield ""
            section = section_of(setting.place)
            yield f"[{section}]"
        value = plain(effective.settings, setting)
        source = effective.source_of(setting.place).name
        # TOML has no word for what is not there.
        yield (
            f"# {setting.place[-1]} is not set" if value is None else f"{setting.place[-1]} = {toml(value)}  # {source}"
        )


def json_text(effective: Effective) -> str:
    """One object: each setting by its name, its value and its source."""
    shown = {
        setting.name: {
            "value": plain(effective.settings, setting),
            "source": effective.source_of(setting.place).name,
        }
        for setting in catalogue().values()
    }
    return json.dumps(shown, indent=2, ensure_ascii=False)


def schema_text() -> str:
    """The JSON Schema of a file, for editors."""
    return json.dumps(Settings.model_json_schema(schema_generator=_Schema), indent=2)


class _Schema(GenerateJsonSchema):
    def timedelta_schema(self, schema: TimedeltaSchema) -> JsonSchemaValue:
        """A duration is written as people say it."""
        return {"type": "string", "pattern": f"^{FORM.pattern}$"}

    def encode_default(self, dft: object) -> object:
        """As it is written, too."""
        return as_plain(dft)


def plain(settings: Settings, setting: Setting) -> object:
    """The value of a setting as JSON and TOML have it, without secrets."""
    value: object = settings
    for name in setting.place:
        value = getattr(value, name)
    return as_plain(value, is_secret=setting.is_secret)


def as_plain(value: object, *, is_secret: bool = False) -> object:
    """A value as JSON and TOML have it, without secrets."""
    match value:
        case SecretStr():
            return mask(value)
        case timedelta():
            return show_duration(value)
        case Path():
            return str(value)
        case Enum():
            return value.name.lower()
        case BaseModel():
            fields = {name: as_plain(getattr(value, name), is_secret=is_secret) for name in type(value).model_fields}
            # TOML has no word for what is not there.
            return {name: field for name, field in fields.items() if field is not None}
        case (str() as host, int() as port):
            return show_address((host, port))
        case tuple() | list() | frozenset():
            return [as_plain(each, is_secret=is_secret) for each in value]
        case Mapping():
            return {str(name): as_plain(each, is_secret=is_secret) for name, each in value.items()}
        case str():
            return MASK if is_secret and value else value
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)


def toml(value: object) -> str:
    """A plain value as TOML writes it, in one line."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(name)} = {toml(each)}" for name, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)
