"""One key: its state, its one writer, who waits in line, its promises; and the state edited or cleared."""

import json
from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.state_pb2 import (
    CompletePromiseRequest,
    CompletePromiseResponse,
    EditStateRequest,
    GetStateRequest,
    State,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.links import link
from perdure_runtime.ui.rendering import pretty
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown


def routes(site: Site) -> Iterable[Route]:
    """The page, and its forms. Keys are in the query: they may be any text."""
    yield shown(site, "/objects/{service}/key", show)
    yield done(site, "/objects/{service}/key", edit)
    yield shown(site, "/objects/{service}/clear", ask_clear)
    yield done(site, "/objects/{service}/clear", clear)
    yield done(site, "/objects/{service}/promise", settle)


async def show(visit: Visit) -> Response:
    """Shows the key."""
    return _page(visit, await _state(visit, visit.query.text("key")))


async def edit(visit: Visit) -> Response:
    """Keeps the edited state, unless it has changed since it was looked at: then both sides are shown."""
    form = await visit.form()
    service, key, version = visit.part("service"), form.text("key"), form.text("version")
    try:
        request = EditStateRequest(
            service=service,
            key=key,
            version=version,
            values=form.text("values") or "{}",
            replace="replace" in form,
        )
        await visit.ask("EditState", request, State)
    except Refusal as refusal:
        now = await _state(visit, key)
        return _page(visit, now, edited=form.text("values"), problem=refusal.message, base=version)
    return visit.go(link("objects", service, "key", key=key), "The state is kept.")


async def ask_clear(visit: Visit) -> Response:
    """Asks whether it is meant."""
    state = await _state(visit, visit.query.text("key"))
    return visit.page("clear_state.html", title=f"Clear the state of {state.key}?", state=state)


async def clear(visit: Visit) -> Response:
    """Clears all state of the key."""
    form = await visit.form()
    service, key = visit.part("service"), form.text("key")
    back = link("objects", service, "key", key=key)
    request = EditStateRequest(service=service, key=key, version=form.text("version"), values="{}", replace=True)
    try:
        await visit.ask("EditState", request, State)
    except Refusal as refusal:
        return visit.go(back, problem=refusal.message)
    return visit.go(back, "The state is cleared.")


async def settle(visit: Visit) -> Response:
    """Resolves or rejects a promise."""
    form = await visit.form()
    service, key, name = visit.part("service"), form.text("key"), form.text("name")
    request = CompletePromiseRequest(service=service, key=key, name=name)
    if form.text("go") == "reject":
        request.failure = form.text("failure")
    else:
        request.value = form.text("value")
    back = link("objects", service, "key", key=key)
    try:
        await visit.ask("CompletePromise", request, CompletePromiseResponse)
    except Refusal as refusal:
        return visit.go(back, problem=refusal.message)
    return visit.go(back, f"{name} has its result.")


async def _state(visit: Visit, key: str) -> State:
    return await visit.ask("GetState", GetStateRequest(service=visit.part("service"), key=key), State)


def _page(visit: Visit, state: State, *, edited: str = "", problem: str = "", base: str = "") -> Response:
    return visit.page(
        "state.html",
        http_status=409 if problem else 200,
        problem=problem,
        title=state.key,
        state=state,
        values=edited or values_of(state),
        stored=values_of(state),
        # Somebody changed the state meanwhile: what is kept next is meant to replace what is there now.
        # A field that cannot be shown must not be cleared only because nobody saw it.
        is_whole=all(each.value.json for each in state.values),
        is_conflict=bool(problem) and base != state.version,
        may_edit=visit.may("EditState"),
        may_settle=visit.may("CompletePromise"),
    )


def values_of(state: State) -> str:
    """All fields that can be read, as one JSON object."""
    fields = {each.name: each.value.json for each in state.values if each.value.json}
    # Put together as text: numbers stay as they were written.
    return pretty("{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in fields.items()) + "}")
