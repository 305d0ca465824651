"""Objects, workflows and awakeables as operators see and change them, on a node with an endpoint."""

import json

import pytest
from perdure_protos.perdure.admin.v1 import state_pb2
from perdure_runtime.admin.client import AdminRefused
from trial.v1 import QuestRequest

from tests.admin.town import COUNTER, QUEST, TRIAL, Town, play


def test_state_is_shown_by_field_with_who_holds_the_key_and_who_waits() -> None:
    async def story(town: Town) -> None:
        await town.ended(await town.add("ada"))
        holder = await town.add("ada", "waits")
        waiting = await town.add("ada")
        await town.node.loop.flush()
        shown = await town.admin.state(COUNTER, "ada")
        while len(shown.inbox) < 1 or json.loads(shown.values[1].value.json) != "2":
            shown = await town.admin.state(COUNTER, "ada")
        assert [(each.name, each.value.json) for each in shown.values] == [("last_reason", '"waits"'), ("value", '"2"')]
        assert (shown.holder, list(shown.inbox), shown.inbox_length) == (holder, [waiting], 1)
        assert shown.values[0].value.type == "trial.v1.CounterState"

    play(story)


def test_a_field_that_was_set_to_its_default_is_shown_so() -> None:
    async def story(town: Town) -> None:
        await town.ended(await town.add("ada"))
        shown = await town.admin.state(COUNTER, "ada")
        assert [(each.name, each.value.json) for each in shown.values] == [("last_reason", '""'), ("value", '"1"')]

    play(story)


def test_an_edit_changes_what_handlers_read_and_gives_the_new_version() -> None:
    async def story(town: Town) -> None:
        await town.ended(await town.add("ada", "payday"))
        seen = await town.admin.state(COUNTER, "ada")
        edited = await town.admin.edit_state(COUNTER, "ada", seen.version, '{"value": 41, "last_reason": null}')
        assert [(each.name, each.value.json) for each in edited.values] == [("value", '"41"')]
        assert edited.version not in ("", seen.version)
        shown = await town.admin.invocation(await town.ended(await town.add("ada")))
        assert json.loads(shown.output.json) == {"value": "42"}

    play(story)


def test_state_is_written_where_there_was_none_and_cleared_with_nothing_in_its_place() -> None:
    async def story(town: Town) -> None:
        made = await town.admin.edit_state(COUNTER, "eve", "", '{"value": "7"}')
        assert [key async for key in town.admin.keys(COUNTER)] == ["eve"]
        cleared = await town.admin.edit_state(COUNTER, "eve", made.version, "", replace=True)
        assert (list(cleared.values), cleared.version) == ([], "")
        assert [key async for key in town.admin.keys(COUNTER)] == []

    play(story)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ('{"valu": 1}', "values: trial.v1.CounterState has no field 'valu'; it has value, last_reason"),
        ('{"value": "x"}', "values: it is no trial.v1.CounterState: "),
        ("[]", "values: it is no JSON object; write {…} with fields of trial.v1.CounterState"),
        ("{", "values: it is no JSON: "),
    ],
)
def test_values_that_are_none_of_the_state_are_refused(values: str, says: str) -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused) as refused:
            await town.admin.edit_state(COUNTER, "ada", "", values)
        assert str(refused.value).startswith(says)

    play(story)


def test_an_edit_of_what_has_changed_meanwhile_is_refused() -> None:
    async def story(town: Town) -> None:
        await town.ended(await town.add("ada"))
        with pytest.raises(AdminRefused, match="has changed since you read it"):
            await town.admin.edit_state(COUNTER, "ada", "", '{"value": 1}')

    play(story)


def test_state_of_what_has_none_is_not_edited() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match="service without a state message"):
            await town.admin.edit_state(TRIAL, "ada", "", "{}")
        with pytest.raises(AdminRefused, match=r"no deployment serves 'trial.v1.Nobody'"):
            await town.admin.edit_state("trial.v1.Nobody", "ada", "", "{}")

    play(story)


def test_keys_are_paged_and_found_by_how_they_begin() -> None:
    async def story(town: Town) -> None:
        keys = sorted(f"{letter}{number}" for letter in "ab" for number in range(30))
        for key in keys:
            await town.add(key)
        for key in keys:
            await town.ended(await town.add(key))
        request = state_pb2.ListKeysRequest(service=COUNTER, page_size=7)
        found: list[str] = []
        while True:
            page = await town.admin.ask("ListKeys", request, state_pb2.ListKeysResponse)
            found += page.keys
            assert len(page.keys) <= 7
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        assert found == keys
        assert [key async for key in town.admin.keys(COUNTER, "b1")] == [key for key in keys if key.startswith("b1")]

    play(story)


def test_a_promise_is_resolved_in_the_place_of_its_shared_handler() -> None:
    async def story(town: Town) -> None:
        id = await town.call(QUEST, "Run", QuestRequest(quest="q-1"), "q-1")
        (waiting,) = (await _with_promise(town)).promises
        assert (waiting.name, waiting.status, list(waiting.waiting)) == ("answer", "waiting", [id])
        promise = state_pb2.CompletePromiseRequest(service=QUEST, key="q-1", name="answer", value='{"text": "42"}')
        await town.admin.complete_promise(promise)
        shown = await town.admin.invocation(await town.ended(id))
        assert json.loads(shown.output.json) == {"text": "42"}
        (resolved,) = (await town.admin.state(QUEST, "q-1")).promises
        assert (resolved.status, json.loads(resolved.value.json)) == ("resolved", {"text": "42"})
        with pytest.raises(AdminRefused):
            await town.admin.complete_promise(promise)

    async def _with_promise(town: Town) -> state_pb2.State:
        while True:
            shown = await town.admin.state(QUEST, "q-1")
            if shown.promises:
                return shown

    play(story)


def test_a_promise_is_rejected_with_an_error() -> None:
    async def story(town: Town) -> None:
        id = await town.call(QUEST, "Run", QuestRequest(quest="q-1"), "q-1")
        await town.admin.complete_promise(
            state_pb2.CompletePromiseRequest(service=QUEST, key="q-1", name="answer", failure="nobody knows")
        )
        shown = await town.admin.invocation(await town.ended(id))
        assert (shown.error.name, shown.error.message) == ("UNKNOWN", "nobody knows")
        (rejected,) = (await town.admin.state(QUEST, "q-1")).promises
        assert (rejected.status, rejected.error.message) == ("rejected", "nobody knows")

    play(story)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"service": COUNTER, "name": "answer", "failure": "no"}, "only workflows have promises"),
        ({"service": QUEST, "name": "reply", "failure": "no"}, "has no promise 'reply'; its promises are answer"),
        ({"service": QUEST, "name": "answer"}, "neither a value nor a failure is given"),
        ({"service": QUEST, "name": "answer", "value": '{"txt": 1}'}, "value: it is no trial.v1.Text"),
        ({"service": "", "name": "answer"}, "service is empty"),
    ],
)
def test_a_promise_that_is_none_is_refused(wanted: dict[str, str], says: str) -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match=says):
            await town.admin.complete_promise(state_pb2.CompletePromiseRequest(key="q-1", **wanted))

    play(story)


def test_awakeables_are_listed_until_they_are_completed() -> None:
    async def story(town: Town) -> None:
        id = await town.first("waits")
        listed = await town.admin.awakeables(state_pb2.ListAwakeablesRequest())
        while not listed.awakeables:
            listed = await town.admin.awakeables(state_pb2.ListAwakeablesRequest(invocation_id=id))
        (found,) = listed.awakeables
        assert (found.invocation_id, found.handler, found.type) == (id, "trial.v1.Trial/First", "trial.v1.Text")
        with pytest.raises(AdminRefused, match=r"value: it is no trial.v1.Text"):
            await town.admin.complete_awakeable(state_pb2.CompleteAwakeableRequest(id=found.id, value='{"x": 1}'))
        await town.admin.complete_awakeable(state_pb2.CompleteAwakeableRequest(id=found.id, value='{"text": "paid"}'))
        assert json.loads((await town.admin.invocation(await town.ended(id))).output.json) == {"text": "paid"}
        await town.node.loop.flush()
        assert not (await town.admin.awakeables(state_pb2.ListAwakeablesRequest())).awakeables

    play(story)


def test_an_awakeable_that_nobody_knows_is_named() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match="there is no awakeable 'awk_1': it never existed"):
            await town.admin.complete_awakeable(state_pb2.CompleteAwakeableRequest(id="awk_1", failure="no"))

    play(story)
