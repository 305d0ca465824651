"""What is there of services and deployments in the whole cluster: counted over all of its databases.

All methods block, and raise StorageFailure.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.verifying import Subject
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import DeploymentRow, Survey, Usage

# In-flight work is counted up to here.
MOST_COUNTED = 1_000


class Stock:
    """The surveys of all databases as one."""

    def __init__(self, surveys: Sequence[Survey]) -> None:
        self._surveys = surveys

    def in_flight(self, deployment_id: str, limit: int = MOST_COUNTED) -> list[Invocation]:
        """What a deployment has begun and not ended, in order of id."""
        found = (survey.in_flight(deployment_id, limit) for survey in self._surveys)
        return list(islice(heapq.merge(*found, key=lambda row: row.id), limit))

    def usage(self, service: str) -> Usage:
        """What is stored and runs of a service."""
        state: Counter[str] = Counter()
        open: Counter[str] = Counter()
        for survey in self._surveys:
            usage = survey.usage(service)
            state.update(usage.state)
            open.update(usage.open)
        return Usage(dict(state), dict(open))

    def work(self, rows: Sequence[DeploymentRow]) -> dict[str, list[Invocation]]:
        """What each deployment has begun and not ended."""
        return {row.id: self.in_flight(row.id) for row in rows}

    def unbegun(self, service: str, begun: int) -> int:
        """How many invocations of a service have not ended and were begun by nobody, where ``begun`` were."""
        return max(0, sum(self.usage(service).open.values()) - begun)

    def subjects(self, rows: Sequence[DeploymentRow], contracts: Contracts, limit: int) -> list[Subject]:
        """Journals of these services: first of what has not ended, then of what has, the newest first."""
        served = (row for row in self._begun(rows, contracts, limit) if row.target.service in contracts)
        return [Subject(row, self._entries(row.id)) for row in islice(served, limit)]

    def _begun(self, rows: Sequence[DeploymentRow], contracts: Contracts, limit: int) -> Iterator[Invocation]:
        work = (row for known in rows for row in self.in_flight(known.id, limit))
        return chain(work, (row for service in contracts for row in self._ended(service, limit)))

    def _ended(self, service: str, limit: int) -> Iterator[Invocation]:
        found = (survey.ended(service, limit) for survey in self._surveys)
        return islice(heapq.merge(*found, key=lambda row: row.id, reverse=True), limit)

    def _entries(self, invocation_id: str) -> tuple[Entry, ...]:
        for survey in self._surveys:
            if entries := survey.entries(invocation_id):
                return tuple(entries)
        return ()
