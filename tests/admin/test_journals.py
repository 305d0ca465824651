"""Journals as operators see them: every entry decoded, in time."""

import json

from perdure_protos.perdure.admin.v1.invocations_pb2 import JournalEntry

from tests.admin.town import COUNTER, Town, play


async def _journal(town: Town, invocation_id: str) -> list[JournalEntry]:
    await town.until(await town.ended(invocation_id), "ended")
    return list((await town.admin.journal(invocation_id)).entries)


def test_commands_show_what_they_carry_and_what_they_were_completed_with() -> None:
    async def story(town: Town) -> None:
        id = await town.first("calls")
        entries = await _journal(town, id)
        step, call = [entry for entry in entries if not entry.notification]
        assert (step.kind, step.name, step.summary) == ("run", "charge", "run 'charge'")
        assert json.loads(step.output.json) == {"paid": 3}
        assert (call.kind, call.target, call.summary) == ("call", "trial.v1.Trial/Second", "call trial.v1.Trial/Second")
        assert json.loads(call.input.json) == json.loads(call.output.json) == {"text": "deeper"}
        assert (await town.admin.invocation(call.invocation_id)).caller_id == id

    play(story)


def test_a_command_begins_when_the_last_result_before_it_came_and_ends_with_its_own() -> None:
    async def story(town: Town) -> None:
        id = await town.first("calls")
        entries = await _journal(town, id)
        step, call = [entry for entry in entries if not entry.notification]
        assert step.began_at_ms == (await town.admin.invocation(id)).created_at_ms
        assert step.began_at_ms <= step.completed_at_ms == call.began_at_ms <= call.completed_at_ms

    play(story)


def test_notifications_name_the_command_that_they_complete() -> None:
    async def story(town: Town) -> None:
        entries = await _journal(town, await town.first("calls"))
        results = [entry for entry in entries if entry.notification]
        assert [entry.summary for entry in results] == [
            "result of command 0: run 'charge'",
            "result of command 1: call trial.v1.Trial/Second",
        ]
        assert [entry.index for entry in entries] == list(range(len(entries)))

    play(story)


def test_state_that_is_set_is_shown_as_its_field() -> None:
    async def story(town: Town) -> None:
        entries = await _journal(town, await town.add("ada", "payday"))
        shown = {entry.name: entry.input.json for entry in entries if entry.kind == "set_state"}
        assert shown == {"value": '"1"', "last_reason": '"payday"'}
        assert {entry.input.type for entry in entries if entry.kind == "set_state"} == {"trial.v1.CounterState"}

    play(story)


def test_a_part_of_a_journal_is_shown_with_the_length_of_the_whole() -> None:
    async def story(town: Town) -> None:
        id = await town.first("calls")
        whole = await _journal(town, id)
        part = await town.admin.journal(id, from_index=1, limit=2)
        assert (list(part.entries), part.length) == (whole[1:3], len(whole))
        assert not (await town.admin.journal(id, from_index=99)).entries

    play(story)


def test_the_id_of_an_awakeable_is_no_part_of_what_is_shown() -> None:
    async def story(town: Town) -> None:
        id = await town.first("waits")
        journal = await town.admin.journal(id)
        while not journal.entries:
            journal = await town.admin.journal(id)
        assert journal.entries[0].summary == "awakeable of trial.v1.Text"
        assert "awk_" not in str(journal)

    play(story)


def test_what_no_deployment_can_decode_is_said_and_given_as_it_is() -> None:
    async def story(town: Town) -> None:
        id = await town.ended(await town.add("ada", "payday"))
        await town.until(id, "ended")
        (deployment,) = await town.admin.deployments()
        await town.admin.remove_deployment(deployment.id)
        shown = await town.admin.invocation(id)
        assert shown.input.problem == "it is not known which message this is"
        assert b"payday" in shown.input.raw
        (value, _) = (await town.admin.state(COUNTER, "ada")).values
        assert (value.value.json, bool(value.value.raw)) == ("", True)

    play(story)
