"""Schedules: what operators and contracts define, as timetables, and who calls when."""

import asyncio
import logging

from perdure_protos.perdure.admin.v1 import definitions_pb2 as wire

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.contracts.facts import ScheduleFacts
from perdure_runtime.contracts.times import Cron, Interval, NoTimes, Times
from perdure_runtime.ingress.port import EndpointUnavailable, NotAccepted, Submission
from perdure_runtime.partition.rows import Mark
from perdure_runtime.sources.node import Node
from perdure_runtime.sources.planning import CatchUp, Timetable, plan
from perdure_runtime.sources.port import SCHEDULE_RECORD
from perdure_runtime.sources.reading import FIRST_PAUSE_S, LONGEST_PAUSE_S
from perdure_runtime.sources.record import ScheduleRecord
from perdure_runtime.sources.request import Unfit, place_of, scheduled
from perdure_runtime.storage.api import StorageFailure

# Nobody sleeps for longer at once: clocks are set, and tests move theirs by hand.
LONGEST_SLEEP_S = 0.5
CATCH_UPS = {
    wire.Schedule.CATCH_UP_UNSPECIFIED: CatchUp.LATEST,
    wire.Schedule.LATEST: CatchUp.LATEST,
    wire.Schedule.ALL: CatchUp.ALL,
    wire.Schedule.SKIP: CatchUp.SKIP,
}

log = logging.getLogger(__name__)


def source_of(schedule: wire.Schedule) -> str:
    """What its marks are called."""
    return f"schedule/{schedule.name}"


def timetable_of(schedule: wire.Schedule) -> Timetable:
    """The times of a schedule. Raises NoTimes."""
    times: Times
    match schedule.WhichOneof("times"):
        case "cron":
            times = Cron.read(schedule.cron, schedule.time_zone)
        case "interval_ms":
            times = Interval(schedule.interval_ms, schedule.created_at_ms)
        case _:
            raise NoTimes("the schedule has no times; set cron or interval_ms")
    if schedule.jitter_ms < 0:
        raise NoTimes(f"jitter_ms is {schedule.jitter_ms}; write milliseconds, 0 or more")
    if schedule.catch_up not in CATCH_UPS:
        raise NoTimes(f"catch_up is {schedule.catch_up}; use LATEST, ALL or SKIP")
    return Timetable(source_of(schedule), times, schedule.jitter_ms, CATCH_UPS[schedule.catch_up])


def declared_by(contracts: Contracts) -> list[wire.Schedule]:
    """The schedules of the newest deployments, called "package.Service/name"."""
    return [_declared(handler, each) for handler in contracts.handlers.values() for each in handler.schedules]


def _declared(handler: HandlerFacts, facts: ScheduleFacts) -> wire.Schedule:
    schedule = wire.Schedule(
        name=f"{handler.service}/{facts.name}",
        handler=handler.path.removeprefix("/"),
        time_zone=facts.time_zone,
        request=facts.request,
        jitter_ms=facts.jitter_ms,
        catch_up=wire.Schedule.CatchUp.Value(facts.catch_up or "CATCH_UP_UNSPECIFIED"),
        declared=True,
    )
    if facts.cron:
        schedule.cron = facts.cron
    else:
        schedule.interval_ms = facts.interval_ms
    return schedule


class Keeping:
    """Keeps the times of one schedule until it is cancelled, while the partition that it calls is this node's.

    Two nodes that keep the same times call the same: the mark of a time makes them one call.
    """

    def __init__(self, schedule: wire.Schedule, node: Node) -> None:
        self._schedule = schedule
        self._node = node
        self.problem = ""
        self.last_ms = 0

    async def run(self) -> None:
        """Calls until cancelled."""
        while True:
            try:
                if self._is_here():
                    await self._keep(timetable_of(self._schedule))
                self.problem = ""
            except (Unfit, NoTimes, StorageFailure, NotAccepted, EndpointUnavailable) as error:
                self._say(str(error))
            except Exception:
                log.exception("schedule %s is looked at again soon", self._schedule.name)
                self._say("the runtime failed to keep its times; its log says why")
            await asyncio.sleep(LONGEST_PAUSE_S / 4)

    async def _keep(self, table: Timetable) -> None:
        """Calls as long as this is the node to do it."""
        settled_ms = await self._settled_ms()
        while self._is_here():
            planned = plan(table, settled_ms, self._node.clock_ms())
            if self._schedule.paused:
                if planned.settled_ms != settled_ms:
                    # What passes now is no time of it, whenever it goes on.
                    await self._since(planned.settled_ms)
            else:
                for due_ms in planned.calls:
                    await self._call(due_ms)
                self.problem = ""
            settled_ms = planned.settled_ms
            await self._sleep_until(planned.next_ms)

    async def _settled_ms(self) -> int:
        """Up to when its times are done with, as all nodes know."""
        kept = self._node.kept
        self.last_ms = max(await kept.marks(source_of(self._schedule)), default=0)
        record = ScheduleRecord.read((await kept.definitions(SCHEDULE_RECORD)).get(source_of(self._schedule)))
        if record is None:
            # A contract does not say since when it has its schedules.
            record = await self._since(self._schedule.created_at_ms or self._node.clock_ms())
        return max(self.last_ms, record.since_ms, self._schedule.created_at_ms)

    async def _since(self, since_ms: int) -> ScheduleRecord:
        record = ScheduleRecord(since_ms)
        await self._node.kept.define(SCHEDULE_RECORD, source_of(self._schedule), record.content())
        return record

    async def _call(self, due_ms: int) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._node.invocations.submit(self._submission(due_ms))
                self.last_ms = due_ms
                return
            except (Unfit, NotAccepted, EndpointUnavailable) as error:
                # The time is not lost: it is called for when that is mended.
                self._say(f"the call of {due_ms} is tried again: {error}")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _submission(self, due_ms: int) -> Submission:
        mark = Mark(source_of(self._schedule), due_ms)
        return scheduled(self._node.invocations.contracts, self._schedule.handler, self._schedule.request, mark)

    def _is_here(self) -> bool:
        place = place_of(self._submission(0))
        return self._node.is_here(self._node.placement.of_place(place))

    async def _sleep_until(self, next_ms: int | None) -> None:
        left_s = LONGEST_SLEEP_S if next_ms is None else (next_ms - self._node.clock_ms()) / 1_000
        await asyncio.sleep(max(0.001, min(left_s, LONGEST_SLEEP_S)))

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.warning("schedule %s: %s", self._schedule.name, problem)
        self.problem = problem
