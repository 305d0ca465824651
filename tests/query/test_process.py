"""Queries in a process of their own: whatever becomes of it, the node goes on and the next query is answered."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta

import pytest
from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse
from perdure_runtime.query import process
from perdure_runtime.query.opening import Opening
from perdure_runtime.query.process import QueryProcesses
from perdure_runtime.query.settings import SqlSettings
from perdure_runtime.storage.api import StorageFailure

from tests.query.opened import Hanging, Some

MIB = 1024 * 1024
ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
SOME, USUAL = Some(), SqlSettings()
COUNT = "SELECT count(*) FROM invocation"


def question(sql: str, timeout_ms: int = 30_000) -> QueryRequest:
    """A question for at most 100 rows."""
    return QueryRequest(sql=sql, limit=100, timeout_ms=timeout_ms)


def ask(
    story: Callable[[QueryProcesses], Coroutine[None, None, None]],
    opening: Opening = SOME,
    settings: SqlSettings = USUAL,
) -> list[str]:
    """Runs a story; returns what became of its queries."""
    outcomes: list[str] = []

    async def run() -> None:
        queries = QueryProcesses(opening, settings, lambda outcome, _: outcomes.append(outcome))
        queries.start()
        try:
            async with asyncio.timeout(120):
                await story(queries)
        finally:
            await queries.close()

    asyncio.run(run())
    return outcomes


def test_a_query_is_answered() -> None:
    async def story(queries: QueryProcesses) -> None:
        answer = await queries.query(question(COUNT))
        assert answer == QueryResponse(columns=["count(*)"], rows=["[3]"])

    assert ask(story) == ["ok"]


def test_a_wrong_query_is_a_sentence() -> None:
    async def story(queries: QueryProcesses) -> None:
        with pytest.raises(ValueError, match="no such table: orders"):
            await queries.query(question("SELECT * FROM orders"))

    assert ask(story) == ["error"]


def test_an_endless_query_ends_and_the_loop_runs_all_the_while() -> None:
    async def story(queries: QueryProcesses) -> None:
        turns = 0

        async def turn() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        turning = asyncio.create_task(turn())
        await queries.query(question(COUNT))
        turns = 0
        with pytest.raises(TimeoutError, match="took longer than 300 ms"):
            await queries.query(question(ENDLESS, 300))
        turning.cancel()
        assert turns > 50
        assert (await queries.query(question(COUNT))).rows == ["[3]"]

    assert ask(story) == ["ok", "timeout", "ok"]


def test_a_process_that_is_stuck_is_killed_and_the_next_query_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE_S", 0.1)

    async def story(queries: QueryProcesses) -> None:
        await queries.query(question("SELECT 1"))
        with pytest.raises(TimeoutError, match="took longer than 100 ms"):
            await queries.query(question(COUNT, 100))
        assert (await queries.query(question("SELECT 1"))).rows == ["[1]"]

    assert ask(story, Hanging()) == ["ok", "timeout", "ok"]


def test_a_process_that_ends_is_a_sentence_and_the_next_query_is_answered() -> None:
    async def story(queries: QueryProcesses) -> None:
        with pytest.raises(ValueError, match=r"^the process that answers queries has ended"):
            await queries.query(question("SELECT * FROM timer"))
        assert (await queries.query(question("SELECT 1"))).rows == ["[1]"]

    assert ask(story, Hanging()) == ["error", "ok"]


def test_storage_that_fails_is_no_mistake_of_the_query() -> None:
    async def story(queries: QueryProcesses) -> None:
        with pytest.raises(StorageFailure, match=r"^the database is away$"):
            await queries.query(question("SELECT * FROM inbox"))

    assert ask(story, Hanging()) == ["error"]


def test_a_query_whose_caller_goes_away_holds_up_nobody() -> None:
    async def story(queries: QueryProcesses) -> None:
        await queries.query(question("SELECT 1"))
        asking = asyncio.create_task(queries.query(question(COUNT)))
        await asyncio.sleep(0)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        assert (await queries.query(question("SELECT 1"))).rows == ["[1]"]

    ask(story, Hanging())


def test_queries_wait_for_each_other_and_no_longer_than_they_have_time() -> None:
    async def story(queries: QueryProcesses) -> None:
        await queries.query(question("SELECT 1"))
        long = asyncio.create_task(queries.query(question(COUNT)))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError, match=r"^other queries were busy all that time"):
            await queries.query(question("SELECT 1", 50))
        long.cancel()
        with suppress(asyncio.CancelledError):
            await long

    ask(story, Hanging())


def test_who_waits_while_the_node_ends_is_told_so_and_no_process_is_left() -> None:
    async def story(queries: QueryProcesses) -> None:
        await queries.query(question("SELECT 1"))
        waiting = asyncio.create_task(queries.query(question(COUNT)))
        await asyncio.sleep(0)
        await queries.close()
        with pytest.raises((ValueError, StorageFailure)):
            await waiting
        with pytest.raises(StorageFailure, match="this node is ending"):
            await queries.query(question("SELECT 1"))

    ask(story, Hanging())


def test_a_query_has_no_more_time_and_rows_than_the_settings_say() -> None:
    async def story(queries: QueryProcesses) -> None:
        await queries.query(question("SELECT 1"))
        with pytest.raises(TimeoutError, match="took longer than 200 ms"):
            await queries.query(question(ENDLESS))
        answer = await queries.query(question("SELECT id FROM invocation"))
        assert (len(answer.rows), answer.truncated) == (2, True)

    assert ask(story, Some(), SqlSettings(time=timedelta(milliseconds=200), rows=2)) == ["ok", "timeout", "rows"]


def test_rows_that_do_not_fit_into_memory_end_the_query_alone() -> None:
    async def story(queries: QueryProcesses) -> None:
        with pytest.raises(ValueError, match="memory"):
            await queries.query(question("SELECT group_concat(hex(zeroblob(4000000))) FROM invocation"))
        assert (await queries.query(question(COUNT))).rows == ["[1000]"]

    ask(story, Some(1_000), SqlSettings(memory_bytes=16 * MIB))
