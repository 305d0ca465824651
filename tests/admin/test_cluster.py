"""The cluster, how it does, and SQL."""

import asyncio
from dataclasses import dataclass

import pytest
from perdure_protos.perdure.admin.v1.cluster_pb2 import GetOverviewRequest, QueryRequest, QueryResponse
from perdure_runtime.admin.overview import KEPT_MS, Overview
from perdure_runtime.admin.port import Sample
from perdure_runtime.admin.querying import Querying
from perdure_runtime.admin.readers import Readers
from perdure_runtime.ingress.refusal import Refusal

from tests.admin.administration import FakeAdministration
from tests.admin.town import COUNTER, TRIAL, Town, play


def test_a_node_alone_owns_its_partition() -> None:
    async def story(town: Town) -> None:
        cluster = await town.admin.cluster()
        (node,) = cluster.nodes
        (partition,) = cluster.partitions
        assert (node.id, node.status, node.partitions) == ("node", "alive", 1)
        assert (partition.partition, partition.owner, partition.epoch) == (0, "node", 1)
        assert cluster.storage.endswith("data.db")
        assert cluster.version

    play(story)


def test_the_overview_counts_invocations_by_handler_and_status() -> None:
    async def story(town: Town) -> None:
        await town.ended(await town.first("fails"))
        await town.ended(await town.first("plain"))
        await town.ended(await town.add("ada"))
        await town.node.loop.flush()
        told = {(each.service, each.handler, each.status): each.count for each in (await town.admin.overview()).tallies}
        assert told == {
            (COUNTER, "Add", "succeeded"): 1,
            (TRIAL, "First", "failed"): 1,
            (TRIAL, "First", "succeeded"): 1,
        }

    play(story)


@dataclass(frozen=True)
class Made:
    """A sample."""

    at_ms: int
    accepted: int = 3
    succeeded: int = 2
    failed: int = 1
    retried: int = 4
    p50_ms: float = 0.5
    p99_ms: float = 9.5


class Intervals:
    """Two intervals."""

    def list(self) -> list[Sample]:
        """The samples."""
        return [Made(5), Made(10)]


def test_counting_is_done_once_in_a_while_however_many_look() -> None:
    async def story() -> None:
        administration = FakeAdministration()
        room = Overview(administration, Intervals(), 5_000, Readers())
        counted = 0

        def tally() -> list[tuple[str, str, str, int]]:
            nonlocal counted
            counted += 1
            return [("s", "h", "running", counted)]

        administration.survey.tally = tally  # type: ignore[method-assign]  # Counts how often it is asked.
        shown = await asyncio.gather(*(room.get_overview(GetOverviewRequest()) for _ in range(5)))
        assert {each.tallies[0].count for each in shown} == {1}
        administration.clock_ms += KEPT_MS
        again = await room.get_overview(GetOverviewRequest())
        assert (again.tallies[0].count, again.counted_at_ms) == (2, administration.clock_ms)
        assert [(each.at_ms, each.failed, each.p99_ms) for each in again.samples] == [(5, 1, 9.5), (10, 1, 9.5)]

    asyncio.run(story())


class FakeQuery:
    """Answers with what it was asked, or raises."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self._trouble = trouble

    async def query(self, request: QueryRequest) -> QueryResponse:
        """The limits that it has got."""
        if self._trouble is not None:
            raise self._trouble
        return QueryResponse(columns=[str(request.limit), str(request.timeout_ms)])


@pytest.mark.parametrize(
    ("asked", "limits"),
    [(QueryRequest(), ["1000", "10000"]), (QueryRequest(limit=1_000_000, timeout_ms=10**9), ["100000", "60000"])],
)
def test_a_query_is_bounded(asked: QueryRequest, limits: list[str]) -> None:
    asked.sql = "SELECT 1"
    assert list(asyncio.run(Querying(FakeQuery()).query(asked)).columns) == limits


@pytest.mark.parametrize(
    ("sql", "trouble", "says"),
    [
        (" ", None, "sql is empty; write a SELECT"),
        ("x", ValueError('near "x": syntax error'), 'near "x": syntax error'),
        ("SELECT 1", TimeoutError(), "the query took longer than 10000 ms"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(sql: str, trouble: Exception | None, says: str) -> None:
    with pytest.raises(Refusal) as refused:
        asyncio.run(Querying(FakeQuery(trouble)).query(QueryRequest(sql=sql)))
    assert refused.value.message.startswith(says)
