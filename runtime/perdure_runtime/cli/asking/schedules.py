"""Schedules: defined, looked at, paused."""

from perdure_protos.perdure.admin.v1.definitions_pb2 import (
    ListSchedulesRequest,
    ListSchedulesResponse,
    PutScheduleRequest,
    RemoveScheduleRequest,
    RemoveScheduleResponse,
    Schedule,
)

from perdure_runtime.cli.asking.defining import read_definition
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.duration import show_duration
from perdure_runtime.cli.printing import moment, note, print_json, say, table
from perdure_runtime.cli.problem import Problem


def print_all(connection: Connection, *, as_json: bool) -> None:
    """Prints all schedules."""
    answer = _all(connection)
    if as_json:
        print_json(answer)
    elif not answer.schedules:
        note("there are none; perdure schedules put FILE defines one")
    else:
        table(("name", "times", "handler", "status", "last", "next"), map(_row, answer.schedules))


def put(connection: Connection, file: str) -> None:
    """Defines what is in a file. Raises Problem."""
    defined = ask(connection, PutScheduleRequest(schedule=read_definition(file, Schedule)), Schedule)
    next_time = f", next at {moment(defined.next_ms)}" if defined.next_ms else ""
    say(f"{defined.name} calls {defined.handler} {_times(defined)}{next_time}")


def remove(connection: Connection, name: str) -> None:
    """Removes a schedule."""
    ask(connection, RemoveScheduleRequest(name=name), RemoveScheduleResponse)
    say(f"{name} is removed")


def set_paused(connection: Connection, name: str, *, paused: bool) -> None:
    """Lets it call, or not. Raises Problem."""
    for schedule in _all(connection).schedules:
        if schedule.name == name:
            schedule.paused = paused
            ask(connection, PutScheduleRequest(schedule=schedule), Schedule)
            say(f"{name} is {'paused' if paused else 'resumed'}")
            return
    raise Problem(f"there is no schedule {name!r}; perdure schedules list shows those that there are")


def _all(connection: Connection) -> ListSchedulesResponse:
    return ask(connection, ListSchedulesRequest(), ListSchedulesResponse)


def _row(schedule: Schedule) -> tuple[str, ...]:
    status = "paused" if schedule.paused else "active"
    status += ", of its contract" if schedule.declared else ""
    last, following = moment(schedule.last_ms), moment(schedule.next_ms)
    return schedule.name, _times(schedule), schedule.handler, status, last, following


def _times(schedule: Schedule) -> str:
    if schedule.HasField("cron"):
        return f"{schedule.cron} {schedule.time_zone}".rstrip()
    return f"every {show_duration(schedule.interval_ms)}"
