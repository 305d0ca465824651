"""How a query process comes by what it reads: it is told no more than where that is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from perdure_runtime.storage.api import DeploymentRow, Survey


class Deployments(Protocol):
    """What a query reads of a registry."""

    def deployments(self) -> Sequence[DeploymentRow]:
        """As ``storage.api.Registry.deployments``."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What can be read."""

    survey: Survey
    registry: Deployments


class Opening(Protocol):
    """A way to open storages, which is pickled for another process."""

    def open(self) -> Opened:
        """Opens them to read. Raises StorageFailure."""
