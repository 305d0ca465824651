"""docs/sql.md: each view and column as the code has them, and questions that are answered."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

from perdure_protos.perdure.admin.v1.cluster_pb2 import GetClusterRequest
from perdure_runtime.query.engine import Engine, Limits
from perdure_runtime.storage.sqlite import SqliteRegistry, SqliteSurvey

from tests.admin.town import Town, play
from tests.query.reference import PAGE, written

QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
LIMITS = Limits(rows=1_000, time_s=30.0, result_bytes=1_000_000)
MEMORY_BYTES = 64 * 1024 * 1024


def test_each_view_is_documented_with_its_meaning_key_and_columns() -> None:
    page = PAGE.read_text()
    assert page == written(page), "write it anew with: python -m tests.query.reference"


Ask = Callable[[str], list[dict[str, object]]]


def asking(look: Callable[[Ask], None]) -> None:
    """Looks at a town where things have happened."""

    async def story(town: Town) -> None:
        for text in ("well", "fails", "calls"):
            await town.ended(await town.first(text))
        await town.until(await town.first("breaks"), "paused")
        await town.first("waits")
        await town.ended(await town.add("ada"))
        await town.add("bob", "waits")
        await town.until(await town.add("bob"), "queued")
        told = await town.service.cluster.get_cluster(GetClusterRequest())
        path = Path(told.storage)
        engine = Engine(SqliteSurvey(path), SqliteRegistry(path), MEMORY_BYTES)

        def ask(sql: str) -> list[dict[str, object]]:
            answer = engine.answer(sql, LIMITS)
            return [dict(zip(answer.columns, json.loads(row), strict=True)) for row in answer.rows]

        # Both wait once that is durable.
        while True:
            if len(ask("SELECT id FROM awakeable")) == 2:
                break
            await asyncio.sleep(0.01)
        look(ask)
        engine.close()

    play(story)


def test_there_are_ten_questions() -> None:
    assert len(QUESTIONS) == 10


def test_the_questions_of_the_page_have_answers() -> None:
    def look(ask: Ask) -> None:
        for question in QUESTIONS:
            assert ask(question), question

    asking(look)


def test_payloads_state_errors_and_journals_are_json_with_the_names_of_their_contracts() -> None:
    def look(ask: Ask) -> None:
        (failed,) = ask("SELECT input, output, error, error_code FROM invocation WHERE outcome = 'failed'")
        assert json.loads(str(failed["input"])) == {"text": "fails"}
        assert failed["output"] is None
        assert json.loads(str(failed["error"])) == {
            "code": "NOT_FOUND",
            "message": "no such order",
            "details": [{"type": "trial.v1.Text", "value": {"text": "o-1"}}],
        }
        assert ask("SELECT output FROM invocation WHERE input ->> 'text' = 'well'") == [
            {"output": '{"text": "did well"}'}
        ]
        assert ask("SELECT value FROM state WHERE key = 'ada' AND name = 'value'") == [{"value": '"1"'}]
        step, *_ = ask(
            "SELECT name, output ->> 'paid' AS paid, entry ->> '$.output.paid' AS same "
            "FROM journal_entry WHERE kind = 'run'"
        )
        assert step == {"name": "charge", "paid": 3, "same": 3}
        (call,) = ask("SELECT target, input, output FROM journal_entry WHERE kind = 'call'")
        assert call == {
            "target": "trial.v1.Trial/Second",
            "input": '{"text": "deeper"}',
            "output": '{"text": "deeper"}',
        }

    asking(look)


def test_objects_their_lines_and_what_they_wait_for_are_there() -> None:
    def look(ask: Ask) -> None:
        assert ask("SELECT count(*) AS n FROM inbox WHERE key = 'bob'") == [{"n": 1}]
        waiting = ask("SELECT id, type, status FROM awakeable ORDER BY invocation_id")
        assert [(each["type"], each["status"]) for each in waiting] == [("trial.v1.Text", "waiting")] * 2
        assert all(str(each["id"]).endswith("_…") for each in waiting)
        (service,) = ask("SELECT kind, state, handlers ->> 'Add' AS adds FROM service WHERE name = 'trial.v1.Counter'")
        assert service == {"kind": "virtual_object", "state": "trial.v1.CounterState", "adds": "exclusive"}
        (deployment,) = ask("SELECT services FROM deployment")
        assert "trial.v1.Trial" in json.loads(str(deployment["services"]))
        assert ask("SELECT partition, epoch FROM partition") == [{"partition": 0, "epoch": 1}]

    asking(look)
