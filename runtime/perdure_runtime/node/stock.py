"""What is there of services and deployments in the whole cluster: all of its databases looked at as one.

All methods block, and raise StorageFailure.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.verifying import Subject
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import DeploymentRow
from perdure_runtime.storage.merged import MergedSurvey

# In-flight work is counted up to here.
MOST_COUNTED = 1_000


class Stock(MergedSurvey):
    """The surveys of all databases as one, and what a node asks of them for its deployments."""

    def work(self, rows: Sequence[DeploymentRow]) -> dict[str, list[Invocation]]:
        """What each deployment has begun and not ended, as far as it is counted."""
        return {row.id: self.in_flight(row.id, MOST_COUNTED) for row in rows}

    def unbegun(self, service: str, begun: int) -> int:
        """How many invocations of a service have not ended and were begun by nobody, where ``begun`` were."""
        return max(0, sum(self.usage(service).open.values()) - begun)

    def subjects(self, rows: Sequence[DeploymentRow], contracts: Contracts, limit: int) -> list[Subject]:
        """Journals of these services: first of what has not ended, then of what has, the newest first."""
        served = (row for row in self._begun(rows, contracts, limit) if row.target.service in contracts)
        return [Subject(row, tuple(self.entries(row.id))) for row in islice(served, limit)]

    def _begun(self, rows: Sequence[DeploymentRow], contracts: Contracts, limit: int) -> Iterator[Invocation]:
        work = (row for known in rows for row in self.in_flight(known.id, limit))
        return chain(work, (row for service in contracts for row in self.ended(service, limit)))
