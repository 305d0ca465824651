"""Where values of settings come from: a file, the environment, flags. Each knows how people find what it gave."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from perdure_runtime.config.catalogue import PREFIX, Place, catalogue, environment_name
from perdure_runtime.config.error import SettingsError

# Where a value that is a secret is read from, instead of standing there itself.
FILE = "_file"
# Between the items of a list in a variable.
SEPARATOR = re.compile(r"[,\s]+")


class Source(Protocol):
    """Where a value stands."""

    @property
    def name(self) -> str:
        """What people are told it is."""

    def find(self, place: Place) -> str:
        """Where a setting stands in it, or would."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written, and where."""

    value: object = field(repr=False)
    source: Source


Values = Mapping[Place, Given]


@dataclass(frozen=True, slots=True)
class Default:
    """What holds where nobody says anything; ``command`` where one has defaults of its own."""

    command: str = ""

    @property
    def name(self) -> str:
        """What people are told it is."""
        return f"default of {self.command}" if self.command else "default"

    def find(self, place: Place) -> str:
        """It is known by its name alone."""
        return ".".join(place)


@dataclass(frozen=True, slots=True)
class File:
    """A TOML file."""

    path: Path

    @property
    def name(self) -> str:
        """What people are told it is."""
        return str(self.path)

    def find(self, place: Place) -> str:
        """The file, and the key in it."""
        return f"{self.path}: {'.'.join(place)}"

    def read(self) -> Values:
        """What stands in it. Raises SettingsError."""
        try:
            with self.path.open("rb") as file:
                table = tomllib.load(file)
        except OSError as error:
            raise SettingsError(f"{self.path} cannot be read: {error.strerror or error}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{self.path} is no TOML: {error}") from error
        return dict(self._leaves((), table))

    def _leaves(self, above: Place, table: Mapping[str, object]) -> Iterator[tuple[Place, Given]]:
        for name, value in table.items():
            place = (*above, name)
            if place in catalogue():
                yield place, Given(value, self)
            elif is_table(place):
                if not isinstance(value, dict):
                    raise SettingsError(f"{self.find(place)} is {value!r}; write a table: [{'.'.join(place)}]")
                yield from self._leaves(place, value)
            else:
                yield secret_of(place, value, self)


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables of the process."""

    variables: Mapping[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """What people are told it is."""
        return "environment"

    def find(self, place: Place) -> str:
        """The variable."""
        setting = catalogue().get(place)
        return environment_name(place) if setting is None else setting.environment

    def read(self) -> Values:
        """What they say. Raises SettingsError."""
        names = {setting.environment: place for place, setting in catalogue().items()}
        given: dict[Place, Given] = {}
        for name, text in sorted(self.variables.items()):
            if name in names:
                given[names[name]] = Given(self._value(names[name], text), self)
            elif name.startswith(PREFIX) and "__" in name:
                # Other variables of ours are those of other commands: all of these have a section.
                place = tuple(name.removeprefix(PREFIX).lower().split("__"))
                known = place if place in catalogue() else None
                found, value = (known, Given(self._value(known, text), self)) if known else secret_of(place, text, self)
                given[found] = value
        return given

    def _value(self, place: Place, text: str) -> object:
        kind = catalogue()[place].kind
        if kind.startswith("table") or (kind.startswith("list") and text.lstrip().startswith("[")):
            try:
                value: object = json.loads(text)
            except json.JSONDecodeError as error:
                raise SettingsError(f"{self.find(place)} is no JSON: {error}") from error
            return value
        if kind.startswith("list"):
            return [part for part in SEPARATOR.split(text) if part]
        return text


@dataclass(frozen=True, slots=True)
class Flags:
    """What stands on the command line; ``written`` has the values by place, None where nothing was said."""

    written: Mapping[Place, object] = field(repr=False)

    @property
    def name(self) -> str:
        """What people are told it is."""
        return "flag"

    def find(self, place: Place) -> str:
        """The flag; one that has several settings names the one."""
        setting = catalogue().get(place)
        if place[0] == "retry":
            return f"--retry: {place[-1].replace('_', '-')}" if len(place) > 1 else "--retry"
        return setting.flag if setting is not None and setting.flag else ".".join(place)

    def read(self) -> Values:
        """What they say."""
        return {place: Given(value, self) for place, value in self.written.items() if value is not None}


def is_table(place: Place) -> bool:
    """Whether settings stand below a place."""
    return any(known[: len(place)] == place and len(known) > len(place) for known in catalogue())


def secret_of(place: Place, value: object, source: Source) -> tuple[Place, Given]:
    """The secret that a place ending in ``_file`` names the file of. Raises SettingsError for any other place."""
    *above, name = place
    setting = catalogue().get((*above, name.removesuffix(FILE)))
    if not name.endswith(FILE) or setting is None or not setting.is_secret:
        raise SettingsError(_unknown(place, source))
    if not isinstance(value, str):
        raise SettingsError(f"{source.find(place)} is {value!r}; write the path of a file")
    try:
        text = Path(value).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{source.find(place)}: {value} cannot be read: {error}") from error
    return setting.place, Given(text.split() if setting.kind.startswith("list") else text.strip(), source)


def _unknown(place: Place, source: Source) -> str:
    """That there is no such setting, and which one may have been meant."""
    # The first name that leads nowhere is the wrong one.
    depth = next((size for size in range(1, len(place)) if not is_table(place[:size])), len(place))
    above, wrong = place[: depth - 1], place[depth - 1]
    known = sorted({each[depth - 1] for each in catalogue() if each[: depth - 1] == above and len(each) >= depth})
    what = f"setting {wrong!r} in [{'.'.join(above)}]" if above else f"section {wrong!r}"
    elsewhere = [".".join(each) for each in catalogue() if each[-1] == place[-1]]
    return f"{source.find(place)}: there is no {what}; {suggestion(wrong, known, elsewhere)}"


def suggestion(wrong: str, known: Sequence[str], elsewhere: Sequence[str] = ()) -> str:
    """What may have been meant: something like it, else what has its name ``elsewhere``, else all there is."""
    likely = [*difflib.get_close_matches(wrong, known, n=1), *elsewhere]
    return f"did you mean {likely[0]!r}?" if likely else f"there is {', '.join(known)}"
