"""Durations within values, which pydantic would read in a form that people do not write."""

from datetime import timedelta
from typing import get_args, get_origin

from pydantic import BaseModel

from perdure_runtime.config.error import SettingsError
from perdure_runtime.config.reading import suggestion
from perdure_runtime.config.values import read_duration


def with_durations(annotation: object, value: object, where: str) -> object:
    """The value with its durations read, wherever its type has some. Raises SettingsError.

    Tables inside of lists are looked through too, so that a wrong key in one is found with what was meant.
    """
    if timedelta in (annotation, *get_args(annotation)) and value is not None:
        try:
            return read_duration(value)
        except ValueError as error:
            raise SettingsError(f"{where} is {value!r}; {error}") from None
    if isinstance(value, dict):
        return {
            name: with_durations(_inside(annotation, name, where), each, f"{where}.{name}")
            for name, each in value.items()
        }
    if get_origin(annotation) in (tuple, list) and isinstance(value, list):
        item = get_args(annotation)[0]
        return [with_durations(item, each, f"{where}[{number}]") for number, each in enumerate(value)]
    return value


def _inside(annotation: object, name: str, where: str) -> object:
    """The type of what a table has under a name."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields
        if name not in fields:
            raise SettingsError(f"{where}: there is no setting {name!r} in it; {suggestion(name, sorted(fields))}")
        return fields[name].annotation
    arguments = get_args(annotation)
    return arguments[-1] if arguments else None
