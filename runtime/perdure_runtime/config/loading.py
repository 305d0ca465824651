"""The effective settings: flags come before the environment, that before the file, and the file before defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from perdure_runtime.config.catalogue import Place, catalogue
from perdure_runtime.config.durations import with_durations
from perdure_runtime.config.error import SettingsError
from perdure_runtime.config.reading import Default, Environment, File, Flags, Given, Source, Values
from perdure_runtime.config.settings import Settings
from perdure_runtime.config.together import Conflict, check
from perdure_runtime.config.wording import first_of, sentence

FILE_NAME = "perdure.toml"
# Names the file, where no flag does.
FILE_VARIABLE = "PERDURE_CONFIG"
DEFAULT = Default()


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings that hold, and where each value is from that is no plain default."""

    settings: Settings
    sources: Mapping[Place, Source]

    def source_of(self, place: Place) -> Source:
        """Where a value is from."""
        return self.sources.get(place, DEFAULT)


def load(
    flags: Mapping[Place, object],
    environment: Mapping[str, str],
    file: Path | None = None,
    defaults: Mapping[Place, object] = MappingProxyType({}),
    command: str = "",
) -> Effective:
    """The settings of a command, which may have ``defaults`` of its own. Raises SettingsError.

    ``file`` must be there; without one, the one that the environment names, or ``perdure.toml`` in the working
    directory where there is such a file.
    """
    path = _file(environment, file)
    return settle(
        {place: Given(value, Default(command)) for place, value in defaults.items()},
        File(path).read() if path is not None else {},
        Environment(environment).read(),
        Flags(flags).read(),
    )


def settle(*layers: Values) -> Effective:
    """What holds of these values, the later ones before the earlier ones. Raises SettingsError."""
    values: dict[Place, Given] = reduce(lambda below, above: {**below, **above}, layers, {})
    try:
        settings = Settings.model_validate(_tables(values))
    except ValidationError as error:
        raise SettingsError(first_of(error, values)) from None
    effective = Effective(settings, {place: given.source for place, given in values.items()})
    try:
        check(settings, frozenset(place for place, given in values.items() if not isinstance(given.source, Default)))
    except Conflict as conflict:
        raise SettingsError(sentence(effective.source_of(conflict.place).find(conflict.place), str(conflict))) from None
    return effective


def _file(environment: Mapping[str, str], file: Path | None) -> Path | None:
    if file is not None:
        return file
    if environment.get(FILE_VARIABLE):
        return Path(environment[FILE_VARIABLE])
    usual = Path(FILE_NAME)
    return usual if usual.exists() else None


def _tables(values: Values) -> dict[str, object]:
    """As nested tables, each duration read."""
    root: dict[str, object] = {}
    for place, given in values.items():
        table = root
        for name in place[:-1]:
            inner = table.setdefault(name, {})
            assert isinstance(inner, dict)
            table = inner
        table[place[-1]] = with_durations(catalogue()[place].annotation, given.value, given.source.find(place))
    return root
