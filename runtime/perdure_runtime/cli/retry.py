"""`--retry`: how invocations are tried again whose contract says nothing about it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from perdure_runtime.cli.problem import Problem

if TYPE_CHECKING:
    from perdure_runtime.partition.policy import Execution

EXAMPLE = "initial=50ms,factor=2,max-interval=10s,max-attempts=20,on-max-attempts=pause"
NAMES = tuple(part.partition("=")[0] for part in EXAMPLE.split(","))


def read_retry(text: str) -> Mapping[tuple[str, ...], object]:
    """The settings that the option is, by their places. Raises Problem."""
    written: dict[tuple[str, ...], object] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise Problem(f"--retry: {part!r} is no setting; write them as in {EXAMPLE}")
        if name not in NAMES:
            raise Problem(f"--retry: there is no setting {name!r}; write them as in {EXAMPLE}")
        written["retry", name.replace("-", "_")] = value
    return written


def read_defaults(text: str) -> "Execution":
    """What the option asks for; what it leaves out is as ever. Raises Problem."""
    # Their schema is loaded by who reads some, not by who prints help.
    from perdure_runtime.config.error import SettingsError
    from perdure_runtime.config.loading import settle
    from perdure_runtime.config.reading import Flags

    try:
        return settle(Flags(read_retry(text)).read()).settings.execution()
    except SettingsError as error:
        raise Problem(str(error)) from error
