"""The storages of a node as another process of it opens them: to read, by no more than where they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from perdure_runtime.cli.load import load_codec
from perdure_runtime.query.opening import Deployments, Opened
from perdure_runtime.storage.api import DeploymentRow
from perdure_runtime.storage.merged import MergedSurvey


@dataclass(frozen=True, slots=True)
class Files:
    """The SQLite files of one machine; the first one has the deployments.

    ``codec`` names what payloads go through. ``served`` is what the process of the node serves itself.
    """

    paths: tuple[Path, ...]
    codec: str = ""
    served: DeploymentRow | None = None

    def open(self) -> Opened:
        """Opens them to read. Raises StorageFailure, and Problem where there is no such codec."""
        from perdure_runtime.storage.sqlite import SqliteRegistry, SqliteSurvey

        codec = load_codec(self.codec)
        registry = SqliteRegistry(self.paths[0])
        surveys = [SqliteSurvey(path, codec) for path in self.paths]
        return Opened(MergedSurvey(surveys), registry if self.served is None else WithServed(registry, self.served))


@dataclass(frozen=True, slots=True)
class Databases:
    """PostgreSQL databases; the first one has the deployments."""

    urls: tuple[str, ...] = field(repr=False)
    codec: str = ""

    def open(self) -> Opened:
        """Opens them to read. Raises StorageFailure, and Problem where there is no such codec."""
        from perdure_runtime.storage.postgres.records import PostgresRecords

        codec = load_codec(self.codec)
        databases = [PostgresRecords(url, codec) for url in self.urls]
        return Opened(MergedSurvey(databases), databases[0])


class WithServed:
    """The deployments that are registered, and the one that nobody registers: handlers in the node's own process."""

    def __init__(self, registered: Deployments, served: DeploymentRow) -> None:
        self._registered = registered
        self._served = served

    def deployments(self) -> Sequence[DeploymentRow]:
        """All of them; its own handlers come before what was ever registered."""
        return [*self._registered.deployments(), self._served]
