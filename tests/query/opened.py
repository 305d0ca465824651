"""Ways for a query process to come by rows, which are pickled for it."""

import os
import time
from dataclasses import dataclass

from perdure_runtime.query.opening import Opened
from perdure_runtime.storage.api import StorageFailure
from perdure_runtime.storage.views import View, ViewRow

from tests.query.rows import Rows, invocation


@dataclass(frozen=True, slots=True)
class Some:
    """Some invocations."""

    count: int = 3

    def open(self) -> Opened:
        """Makes them."""
        rows = Rows({"invocation": [invocation(f"inv_{number:05}") for number in range(self.count)]})
        return Opened(rows, rows)


class Stuck(Rows):
    """A storage that does not answer: what SQLite's own clock never sees. Its keys end the process, or fail."""

    def scan(self, view: View, *arguments: object, **options: object) -> list[ViewRow]:
        match view.name:
            case "timer":
                os._exit(9)
            case "inbox":
                raise StorageFailure("the database is away")
            case _:
                time.sleep(600)
        return []


@dataclass(frozen=True, slots=True)
class Hanging:
    """Storage that is stuck, but for deployments."""

    def open(self) -> Opened:
        """Opens it."""
        rows = Stuck({})
        return Opened(rows, rows)
