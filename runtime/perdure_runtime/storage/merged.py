"""Several databases looked at as one: those of a cluster, or the files of the workers of a machine."""

import heapq
from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry

from perdure_runtime.partition.rows import Invocation
from perdure_runtime.storage.api import Survey, Usage
from perdure_runtime.storage.views import Condition, View, ViewRow, page


class MergedSurvey:
    """As ``storage.api.Survey`` says, of all rows of all of them; each row is in one of them."""

    def __init__(self, surveys: Sequence[Survey]) -> None:
        self._surveys = tuple(surveys)

    def in_flight(self, deployment_id: str, limit: int) -> list[Invocation]:
        """What a deployment has begun and not ended, in order of id."""
        found = (survey.in_flight(deployment_id, limit) for survey in self._surveys)
        return list(islice(heapq.merge(*found, key=lambda row: row.id), limit))

    def ended(self, service: str, limit: int) -> list[Invocation]:
        """Ended invocations of a service whose journal is kept, the newest id first."""
        found = (survey.ended(service, limit) for survey in self._surveys)
        return list(islice(heapq.merge(*found, key=lambda row: row.id, reverse=True), limit))

    def usage(self, service: str) -> Usage:
        """What is stored and runs of a service."""
        state: Counter[str] = Counter()
        open: Counter[str] = Counter()
        for survey in self._surveys:
            usage = survey.usage(service)
            state.update(usage.state)
            open.update(usage.open)
        return Usage(dict(state), dict(open))

    def entries(self, invocation_id: str) -> list[Entry]:
        """The journal of an invocation, which is in one database."""
        for survey in self._surveys:
            if entries := survey.entries(invocation_id):
                return entries
        return []

    def scan(
        self,
        view: View,
        conditions: Sequence[Condition] = (),
        after: ViewRow | None = None,
        limit: int = 1_000,
        *,
        descending: bool = False,
    ) -> list[ViewRow]:
        """Rows of a view that fit all conditions, in the order of its key."""
        found = (survey.scan(view, conditions, after, limit, descending=descending) for survey in self._surveys)
        return page(view, chain.from_iterable(found), None, limit, descending=descending)

    def count(self, view: View, conditions: Sequence[Condition], limit: int) -> int:
        """How many rows fit all conditions; counts no further than ``limit``."""
        found = 0
        for survey in self._surveys:
            if found >= limit:
                break
            found += survey.count(view, conditions, limit - found)
        return found

    def tally(self) -> list[tuple[str, str, str, int]]:
        """How many invocations there are, by service, handler and status."""
        found: Counter[tuple[str, str, str]] = Counter()
        for survey in self._surveys:
            for service, handler, status, number in survey.tally():
                found[service, handler, status] += number
        return [(*of, number) for of, number in sorted(found.items())]
