"""Schedules on a real node: each time is one call, whoever keeps it and whenever it is looked at."""

import json
from typing import Any

import pytest
from perdure_protos.perdure.admin.v1.definitions_pb2 import Schedule
from perdure_runtime.sources.port import SCHEDULE_RECORD
from perdure_runtime.sources.record import ScheduleRecord

from tests.sources.counting import HANDLER
from tests.sources.room import START_MS, Room, play

SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000


def schedule(name: str, interval_ms: int = SECOND_MS, **more: Any) -> Schedule:
    """Tells the counter c its name."""
    request = json.dumps({"counter": "c", "reason": name})
    made = Schedule(name=name, handler=HANDLER, interval_ms=interval_ms, request=request, created_at_ms=START_MS)
    made.MergeFrom(Schedule(**more))
    return made


def test_each_time_of_an_interval_is_one_call() -> None:
    async def story(room: Room) -> None:
        tick = schedule("tick")
        room.define(tick)
        sources = await room.sources()
        for number in (1, 2, 3):
            room.now_ms += SECOND_MS
            await room.until_told("c", ["tick"] * number)
        assert sources.last_ms(tick) == START_MS + 3 * SECOND_MS
        assert sources.next_ms(tick) == START_MS + 4 * SECOND_MS

    play(story)


def test_what_was_called_before_a_restart_is_not_called_after_it() -> None:
    async def story(room: Room) -> None:
        room.define(schedule("tick"))
        room.now_ms += SECOND_MS
        before = await room.sources()
        await room.until_told("c", ["tick"])
        await before.close()
        await room.sources()
        room.now_ms += SECOND_MS
        await room.until_told("c", ["tick"] * 2)

    play(story)


def test_two_who_keep_the_same_times_make_one_call_of_each() -> None:
    async def story(room: Room) -> None:
        tick = schedule("tick")
        room.define(tick)
        one, two = await room.sources(), await room.sources()
        for number in (1, 2, 3):
            room.now_ms += SECOND_MS
            # Both have submitted it, and both were told that it is durable.
            await room.until(lambda: one.last_ms(tick) == two.last_ms(tick) == room.now_ms)
            await room.until_told("c", ["tick"] * number)

    play(story)


def test_what_passes_while_a_schedule_is_paused_is_never_called() -> None:
    async def story(room: Room) -> None:
        room.define(schedule("rests", paused=True))
        before = await room.sources()
        room.now_ms += 3 * SECOND_MS

        def has_passed() -> bool:
            kept = ScheduleRecord.read(room.records(SCHEDULE_RECORD).get("schedule/rests"))
            return kept is not None and kept.since_ms == room.now_ms

        await room.until(has_passed)
        assert room.told()["c"] == []
        await before.close()
        room.define(schedule("rests"))
        await room.sources()
        room.now_ms += SECOND_MS
        await room.until_told("c", ["rests"])

    play(story)


@pytest.mark.parametrize(
    ("catch_up", "calls"), [(Schedule.LATEST, 1), (Schedule.ALL, 60), (Schedule.SKIP, 0)], ids=["latest", "all", "skip"]
)
def test_what_no_node_was_there_to_call_is_caught_up_with_as_the_schedule_says(
    catch_up: Schedule.CatchUp, calls: int
) -> None:
    async def story(room: Room) -> None:
        room.define(schedule("late", MINUTE_MS, catch_up=catch_up))
        room.now_ms += HOUR_MS + MINUTE_MS - SECOND_MS
        await room.sources()
        await room.until(lambda: len(room.told()["c"]) == calls)
        room.now_ms += SECOND_MS
        await room.until_told("c", ["late"] * (calls + 1))

    play(story)


def test_one_that_is_removed_calls_no_more_and_leaves_no_record() -> None:
    async def story(room: Room) -> None:
        room.define(schedule("stays"))
        room.define(schedule("goes"))
        await room.sources()
        await room.until(lambda: "schedule/goes" in room.records(SCHEDULE_RECORD))
        room.remove("schedule", "goes")
        await room.until(lambda: "schedule/goes" not in room.records(SCHEDULE_RECORD))
        room.now_ms += SECOND_MS
        await room.until_told("c", ["stays"])

    play(story)
