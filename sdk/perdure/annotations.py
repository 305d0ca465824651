"""Finding the classes of results again."""

import functools
import sys
import typing
from collections.abc import Callable, Iterator
from typing import Any

from perdure.errors import UnsupportedResult


class Annotations:
    """The classes that the return annotation of a function names."""

    def __init__(self, function: Callable[..., object]) -> None:
        while isinstance(function, functools.partial):
            function = function.func
        self._function = function

    def find(self, name: str) -> type[Any]:
        """The class of a name such as "shop.bank:Charge": where it was, else one of that name in the annotation.

        Raises:
            UnsupportedResult: There is none.
        """
        module_name, _, qualified = name.partition(":")
        found: object = sys.modules.get(module_name)
        for part in qualified.split("."):
            found = getattr(found, part, None)
        if isinstance(found, type):
            return found
        last = qualified.rpartition(".")[2]
        for each in self._classes():
            if each.__name__ == last:
                return each
        raise self._lost(name)

    def _classes(self) -> Iterator[type]:
        try:
            hints = typing.get_type_hints(self._function)
        except (NameError, TypeError, AttributeError):
            # Names that only a type checker sees, or an object that has no annotations.
            return
        yield from classes_in(hints.get("return"))

    def _lost(self, name: str) -> UnsupportedResult:
        function = getattr(self._function, "__qualname__", repr(self._function))
        return UnsupportedResult(
            f"the journal has a result of {name}, which this process does not have: import it before the handler runs, "
            f"or name the class that took its place in the return annotation of {function}"
        )


def classes_in(annotation: object) -> Iterator[type]:
    """All classes that an annotation names."""
    if isinstance(annotation, type):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from classes_in(argument)
