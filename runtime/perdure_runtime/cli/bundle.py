"""Options that belong together: written once as a dataclass, taken by each command that has a parameter of it.

A field of such a dataclass is an option or argument as typer writes them: its type is ``Annotated``, its default that
of the field. A command that is decorated with ``unbundled`` has all of them in place of the one parameter.
"""

import dataclasses
import inspect
from collections.abc import Callable
from functools import wraps
from typing import get_type_hints


def unbundled(command: Callable[..., None]) -> Callable[..., None]:
    """The command with the options of its bundles; called with those, it makes the bundles of them."""
    hints = get_type_hints(command, include_extras=True)
    taken: list[inspect.Parameter] = []
    bundles: dict[str, type] = {}
    for parameter in inspect.signature(command).parameters.values():
        kind = hints[parameter.name]
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            bundles[parameter.name] = kind
            taken += _parameters(kind)
        else:
            taken.append(
                parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[parameter.name]),
            )

    @wraps(command)
    def with_bundles(**values: object) -> None:
        made = {
            name: bundle(**{field.name: values.pop(field.name) for field in dataclasses.fields(bundle)})
            for name, bundle in bundles.items()
        }
        command(**values, **made)

    # Typer reads both.
    vars(with_bundles)["__signature__"] = inspect.Signature(taken)
    with_bundles.__annotations__ = {parameter.name: parameter.annotation for parameter in taken}
    return with_bundles


def _parameters(bundle: type) -> list[inspect.Parameter]:
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in dataclasses.fields(bundle)
    ]
