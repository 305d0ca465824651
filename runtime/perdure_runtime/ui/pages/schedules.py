"""Schedules: times at which handlers are called, and when the next ones are."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.definitions_pb2 import (
    ListSchedulesRequest,
    ListSchedulesResponse,
    PutScheduleRequest,
    RemoveScheduleRequest,
    RemoveScheduleResponse,
    Schedule,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.durations import read_ms
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.pages.named import check_found
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown

FIELDS = {
    "name": "",
    "handler": "",
    "cron": "",
    "interval": "",
    "time_zone": "",
    "request": "{}",
    "jitter": "",
    "catch_up": "LATEST",
}
CATCH_UPS = {
    "LATEST": "one call for all that were missed",
    "ALL": "a call for each, at most 1,000",
    "SKIP": "none",
}


def routes(site: Site) -> Iterable[Route]:
    """The list with the form of a new one, and what is done to one."""
    yield shown(site, "/schedules", show)
    yield done(site, "/schedules", create)
    yield done(site, "/schedules/pause", pause)
    yield shown(site, "/schedules/remove", ask_remove)
    yield done(site, "/schedules/remove", remove)


async def show(visit: Visit) -> Response:
    """Shows all schedules."""
    return await _page(visit, Form(FIELDS.items()))


async def create(visit: Visit) -> Response:
    """Defines one."""
    form = await visit.form()
    try:
        wanted = read_schedule(form)
        await visit.ask("PutSchedule", PutScheduleRequest(schedule=wanted), Schedule)
    except Refusal as refusal:
        return await _page(visit, Form([*FIELDS.items(), *form]), refusal.message)
    return visit.go(link("schedules"), f"The schedule {wanted.name} is kept.")


async def pause(visit: Visit) -> Response:
    """Pauses one, or sets it going again."""
    form = await visit.form()
    found = await visit.ask("ListSchedules", ListSchedulesRequest(), ListSchedulesResponse)
    wanted = check_found(form.text("name"), {each.name: each for each in found.schedules})
    wanted.paused = not wanted.paused
    try:
        await visit.ask("PutSchedule", PutScheduleRequest(schedule=wanted), Schedule)
    except Refusal as refusal:
        return visit.go(link("schedules"), problem=refusal.message)
    return visit.go(link("schedules"), f"{wanted.name} {'is paused' if wanted.paused else 'calls again'}.")


async def ask_remove(visit: Visit) -> Response:
    """Asks whether it is meant."""
    return visit.page(
        "remove_named.html",
        title="Remove the schedule?",
        name=visit.query.text("name"),
        what="schedule",
        effect="It calls nothing any more. Invocations that it has made go on.",
        do=link("schedules", "remove"),
        back=link("schedules"),
    )


async def remove(visit: Visit) -> Response:
    """Removes one."""
    name = (await visit.form()).text("name")
    try:
        await visit.ask("RemoveSchedule", RemoveScheduleRequest(name=name), RemoveScheduleResponse)
    except Refusal as refusal:
        return visit.go(link("schedules"), problem=refusal.message)
    return visit.go(link("schedules"), f"Removed {name}.")


async def _page(visit: Visit, form: Form, problem: str = "") -> Response:
    found = await visit.ask("ListSchedules", ListSchedulesRequest(), ListSchedulesResponse)
    return visit.page(
        "schedules.html",
        http_status=400 if problem else 200,
        problem=problem,
        title="Schedules",
        schedules=found.schedules,
        values={name: form.text(name) for name in FIELDS},
        catch_ups=CATCH_UPS,
        may_edit=visit.may("PutSchedule"),
    )


def read_schedule(form: Form) -> Schedule:
    """The schedule in a form. Raises Refusal."""
    chosen = form.text("catch_up")
    wanted = Schedule(
        name=form.line("name"),
        handler=form.line("handler"),
        time_zone=form.line("time_zone"),
        request=form.text("request"),
        catch_up=Schedule.CatchUp.Value(chosen if chosen in CATCH_UPS else "LATEST"),
    )
    # Whether exactly one of them is given is for the API to say.
    if form.line("interval"):
        wanted.interval_ms = read_ms("interval", form.line("interval"))
    else:
        wanted.cron = form.line("cron")
    if form.line("jitter"):
        wanted.jitter_ms = read_ms("jitter", form.line("jitter"))
    return wanted
