"""The schedules that handlers declare, checked: at registration, since nobody waits when they are due."""

import re

from google.protobuf.message import Message

from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.facts import ScheduleFacts
from perdure_runtime.contracts.options import Option
from perdure_runtime.contracts.shapes import NotRead, Shape
from perdure_runtime.contracts.times import Cron, Interval, NoTimes

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def read_schedules(
    handler: Option, request: type[Message], key_field: str | None, descriptors: Descriptors
) -> tuple[ScheduleFacts, ...]:
    """The schedules that the options of a handler declare. Raises ContractError."""
    shape = Shape(request, descriptors.pool)
    return tuple(_schedule(option, shape, key_field) for option in handler.many("schedules"))


def _schedule(option: Option, shape: Shape, key_field: str | None) -> ScheduleFacts:
    schedule = ScheduleFacts(
        name=option.text("name"),
        cron=option.text("cron"),
        interval_ms=option.duration_ms("interval") or 0,
        time_zone=option.text("time_zone"),
        request=option.text("request"),
        jitter_ms=option.duration_ms("jitter") or 0,
        catch_up=option.enum("catch_up"),
    )
    if not NAME.fullmatch(schedule.name):
        raise ContractError(
            f"{option.place} has a schedule named {schedule.name[:50]!r}; use up to 128 letters, digits, '.', '_' and "
            "'-', a letter or a digit first"
        )
    where = f"schedule {schedule.name} of {option.place}"
    try:
        if schedule.cron:
            Cron.read(schedule.cron, schedule.time_zone)
        else:
            Interval(schedule.interval_ms)
        value = shape.message.FromString(shape.from_json(schedule.request or "{}"))
    except NoTimes as error:
        raise ContractError(f"{where}: {error}") from error
    except NotRead as error:
        raise ContractError(f"the request of {where}: {error}") from error
    if key_field is not None and not getattr(value, key_field):
        raise ContractError(
            f"the request of {where} leaves {key_field} empty, which is the key that is called: write it as JSON, such "
            f'as request: \'{{"{key_field}": "…"}}\''
        )
    return schedule
