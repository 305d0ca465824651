"""Invocations as operators see them: found, shown, and acted on, on a node with an endpoint."""

import json

import pytest
from perdure_protos.perdure.admin.v1.invocations_pb2 import BulkAction, InvocationFilter
from perdure_runtime.admin.client import AdminRefused

from tests.admin.town import COUNTER, TRIAL, Town, play


def test_an_ended_invocation_shows_its_payloads_with_field_names() -> None:
    async def story(town: Town) -> None:
        id = await town.ended(await town.add("ada", "payday"))
        shown = await town.until(id, "ended")
        assert (shown.service, shown.handler, shown.key) == (COUNTER, "Add", "ada")
        assert json.loads(shown.input.json) == {"counter": "ada", "reason": "payday"}
        assert json.loads(shown.output.json) == {"value": "1", "last_reason": "payday"}
        assert (shown.input.type, shown.output.type) == ("trial.v1.AddRequest", "trial.v1.CounterState")
        assert shown.advice == "It has ended well."
        assert shown.ended_at_ms >= shown.created_at_ms
        assert shown.deployment_id == (await town.admin.deployments())[0].id

    play(story)


def test_a_terminal_error_is_shown_with_its_name_and_decoded_details() -> None:
    async def story(town: Town) -> None:
        shown = await town.until(await town.ended(await town.first("fails")), "ended")
        assert (shown.error.name, shown.error.message) == ("NOT_FOUND", "no such order")
        (detail,) = shown.error.details
        assert (detail.type, json.loads(detail.json)) == ("trial.v1.Text", {"text": "o-1"})
        assert "perdure invocations restart" in shown.advice
        assert not shown.HasField("output")

    play(story)


def test_a_paused_invocation_says_why_and_goes_on_once_it_is_mended_and_resumed() -> None:
    async def story(town: Town) -> None:
        id = await town.first("breaks")
        shown = await town.until(id, "paused")
        assert shown.failures == 2
        assert "failed 2 times in a row, last with: " in shown.advice
        assert "the bank is closed" in shown.advice
        assert f"perdure invocations resume {id}" in shown.advice
        town.trials.broken = False
        await town.admin.resume(id)
        assert json.loads((await town.until(id, "ended")).output.json) == {"text": "did breaks"}

    play(story)


def test_what_waits_says_what_for() -> None:
    async def story(town: Town) -> None:
        id = await town.first("sleeps")
        shown = await town.admin.invocation(id)
        while "sleep" not in shown.advice:
            shown = await town.admin.invocation(id)
        assert "sleep 86400000 ms" in shown.advice

    play(story)


def test_a_list_is_paged_from_the_newest_to_the_oldest_or_the_other_way() -> None:
    async def story(town: Town) -> None:
        ids = [await town.ended(await town.first(f"{number}")) for number in range(7)]
        await town.node.loop.flush()
        newest = [each.id async for each in town.admin.invocations(page_size=3)]
        oldest = [each.id async for each in town.admin.invocations(page_size=3, oldest_first=True)]
        assert oldest == newest[::-1] == sorted(ids)

    play(story)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (InvocationFilter(), {"fails", "ada", "bob", "breaks", "plain"}),
        (InvocationFilter(service=TRIAL), {"fails", "breaks", "plain"}),
        (InvocationFilter(service=COUNTER, key="ada"), {"ada"}),
        (InvocationFilter(statuses=["failed"]), {"fails"}),
        (InvocationFilter(statuses=["paused", "failed"]), {"fails", "breaks"}),
        (InvocationFilter(statuses=["succeeded"], service=TRIAL), {"plain"}),
        (InvocationFilter(error_contains="no such"), {"fails"}),
        (InvocationFilter(error_contains="bank is closed"), {"breaks"}),
        (InvocationFilter(error_contains="BANK"), set()),
        (InvocationFilter(handler="Add"), {"ada", "bob"}),
        (InvocationFilter(min_age_ms=86_400_000), set()),
        (InvocationFilter(max_age_ms=86_400_000, handler="Add"), {"ada", "bob"}),
        (InvocationFilter(deployment_id="dp_none"), set()),
    ],
    ids=lambda value: "-".join(str(value).split())[:60] if isinstance(value, InvocationFilter) else "",
)
def test_a_filter_finds_and_counts_what_fits_all_of_it(wanted: InvocationFilter, found: set[str]) -> None:
    async def story(town: Town) -> None:
        ids = {each: await town.first(each) for each in ("fails", "breaks", "plain")}
        ids |= {key: await town.add(key) for key in ("ada", "bob")}
        for each in ("fails", "plain", "ada", "bob"):
            await town.ended(ids[each])
        await town.until(ids["breaks"], "paused")
        assert {each.id async for each in town.admin.invocations(wanted)} == {ids[each] for each in found}
        assert await town.admin.count(wanted) == len(found)

    play(story)


def test_a_status_that_is_none_is_told_those_that_there_are() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match=r"'done' is no status of an invocation; use scheduled, .*, cancelled$"):
            await town.admin.count(InvocationFilter(statuses=["done"]))

    play(story)


def test_the_calls_of_an_invocation_are_its_tree() -> None:
    async def story(town: Town) -> None:
        id = await town.ended(await town.first("calls"))
        await town.until(id, "ended")
        tree = await town.admin.call_tree(id)
        (called,) = tree.root.calls
        assert (tree.root.invocation.id, called.invocation.handler) == (id, "Second")
        assert (called.invocation.caller_id, tree.truncated) == (id, False)

    play(story)


def test_many_are_purged_a_page_at_a_time_and_others_are_refused_with_a_reason() -> None:
    async def story(town: Town) -> None:
        ended = [await town.ended(await town.first(f"{number}")) for number in range(25)]
        open = await town.first("waits")
        await town.node.loop.flush()
        pages = [page async for page in town.admin.act(BulkAction.PURGE, InvocationFilter(), page_size=10)]
        assert sum(page.done for page in pages) == len(ended)
        assert len(pages) == 3
        (refused,) = [each for page in pages for each in page.refusals]
        assert refused.invocation_id == open
        assert "only an ended one is purged" in refused.reason
        assert [each.id async for each in town.admin.invocations()] == [open]

    play(story)


def test_restarting_all_that_failed_ends_though_they_fail_again() -> None:
    async def story(town: Town) -> None:
        for _ in range(3):
            await town.ended(await town.first("fails"))
        await town.node.loop.flush()
        wanted = InvocationFilter(statuses=["failed"], max_age_ms=86_400_000)
        while await town.admin.count(InvocationFilter(statuses=["failed"], min_age_ms=1)) < 3:
            pass  # Those of this millisecond are not met.
        pages = [page async for page in town.admin.act(BulkAction.RESTART, wanted, page_size=1)]
        assert sum(page.done for page in pages) == 3

    play(story)


def test_an_action_that_is_none_is_refused() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match="say what to do: CANCEL, KILL"):
            await anext(town.admin.act(BulkAction.BULK_ACTION_UNSPECIFIED, InvocationFilter()))

    play(story)
