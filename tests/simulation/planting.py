"""Planting bugs: a mutation is a small change of the code that ships, such as somebody might make it."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from perdure_runtime.node.loop import PartitionLoop

Plant = Callable[[ExitStack], None]
# By their names.
MUTATIONS: dict[str, Plant] = {}


def mutation(plant: Plant) -> Plant:
    """Names a bug after its function."""
    MUTATIONS[plant.__name__.replace("_", " ")] = plant
    return plant


def instead(stack: ExitStack, owner: object, name: str, changed: object) -> None:
    """Puts other code in the place of an attribute of a class or module."""
    stack.enter_context(patch.object(owner, name, changed))


def dispatch_at_once(stack: ExitStack, effects: Any) -> None:
    """Lets effects out before the batch that causes them is durable."""
    dispatch = PartitionLoop._dispatch

    def eager(self: PartitionLoop, effect: Any) -> None:
        if isinstance(effect, effects):
            self._shell.act(effect)
        else:
            dispatch(self, effect)

    instead(stack, PartitionLoop, "_dispatch", eager)
