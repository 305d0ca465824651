"""Awakeables that have no result yet: whoever should give it has not come, and an operator can."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.state_pb2 import (
    CompleteAwakeableRequest,
    CompleteAwakeableResponse,
    ListAwakeablesRequest,
    ListAwakeablesResponse,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done, shown

PAGE_SIZE = 50


def routes(site: Site) -> Iterable[Route]:
    """The list, and what is done to one of it."""
    yield shown(site, "/awakeables", show)
    yield done(site, "/awakeables", complete)


async def show(visit: Visit) -> Response:
    """Shows those of a service or an invocation, or all."""
    service, invocation_id = visit.query.line("service"), visit.query.line("invocation_id")
    request = ListAwakeablesRequest(
        service=service, invocation_id=invocation_id, page_size=PAGE_SIZE, page_token=visit.query.text("page")
    )
    found = await visit.ask("ListAwakeables", request, ListAwakeablesResponse)
    more = found.next_page_token
    return visit.page(
        "awakeables.html",
        title="Awakeables",
        awakeables=found.awakeables,
        service=service,
        invocation_id=invocation_id,
        is_first_page="page" not in visit.query,
        first=link("awakeables", service=service, invocation_id=invocation_id),
        next=link("awakeables", service=service, invocation_id=invocation_id, page=more) if more else "",
        may_complete=visit.may("CompleteAwakeable"),
    )


async def complete(visit: Visit) -> Response:
    """Resolves or rejects one."""
    form = await visit.form()
    request = CompleteAwakeableRequest(id=form.text("id"))
    if form.text("go") == "reject":
        request.failure = form.text("failure")
    else:
        request.value = form.text("value")
    back = form.text("back") or link("awakeables")
    try:
        await visit.ask("CompleteAwakeable", request, CompleteAwakeableResponse)
    except Refusal as refusal:
        return visit.go(back, problem=refusal.message)
    return visit.go(back, "The awakeable has its result.")
