"""The list of invocations: a filter, the page of those that fit, and what can be done to them."""

from collections.abc import Iterable
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    CountInvocationsRequest,
    CountInvocationsResponse,
    ListInvocationsRequest,
    ListInvocationsResponse,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui import statuses
from perdure_runtime.ui.filters import FIELDS, OLDER, TEXTS, YOUNGER, pairs_of, read_filter
from perdure_runtime.ui.links import link, with_query
from perdure_runtime.ui.pages.bulk import ACTIONS
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, shown

PAGE_SIZE = 50
# Counting goes on for as long as somebody would wait for a number that says no more than "many".
MOST_COUNTED = 200_000


@dataclass(frozen=True, slots=True)
class Chip:
    """A status that can be chosen."""

    status: statuses.Status
    is_chosen: bool


def routes(site: Site) -> Iterable[Route]:
    """The list, and how many there are, which the script asks for on its own: counting takes longer than a page."""
    yield shown(site, "/invocations", show)
    yield shown(site, "/invocations/count", count)


async def show(visit: Visit) -> Response:
    """Shows a page of the invocations that fit the filter; a filter that is wrong stays there to be put right."""
    oldest_first, token = "oldest" in visit.query, visit.query.text("page")
    problem, found = "", ListInvocationsResponse()
    try:
        request = ListInvocationsRequest(
            filter=read_filter(visit.query), page_size=PAGE_SIZE, page_token=token, oldest_first=oldest_first
        )
        found = await visit.ask("ListInvocations", request, ListInvocationsResponse)
    except Refusal as refusal:
        problem = refusal.message
    pairs = pairs_of(visit.query)
    order = [("oldest", "1")] if oldest_first else []
    here, more = link("invocations"), found.next_page_token
    return visit.page(
        "invocations.html",
        http_status=400 if problem else 200,
        problem=problem,
        title="Invocations",
        invocations=found.invocations,
        chips=[Chip(each, each.name in visit.query.all("status")) for each in statuses.ALL.values()],
        texts={name: visit.query.text(name) for name in (*TEXTS, OLDER, YOUNGER)},
        pairs=pairs,
        is_filtered=bool(pairs),
        is_narrow=any(name in FIELDS and name not in ("status", "service", "error_contains") for name, _ in pairs),
        oldest_first=oldest_first,
        is_first_page=not token,
        first=with_query(here, [*pairs, *order]),
        next=with_query(here, [*pairs, *order, ("page", more)]) if more else "",
        turned=with_query(here, pairs if oldest_first else [*pairs, ("oldest", "1")]),
        counted=with_query(link("invocations", "count"), pairs),
        actions=ACTIONS.values() if visit.may("ActOnInvocations") else (),
    )


async def count(visit: Visit) -> Response:
    """Says how many fit the filter."""
    request = CountInvocationsRequest(filter=read_filter(visit.query), limit=MOST_COUNTED)
    found = (await visit.ask("CountInvocations", request, CountInvocationsResponse)).count
    return visit.page("count.html", count=found, is_more=found >= MOST_COUNTED)
