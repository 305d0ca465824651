"""One invocation: what it is, what it did, and what can be done about it."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    CallTree,
    GetCallTreeRequest,
    GetCallTreeResponse,
    GetInvocationRequest,
    GetJournalRequest,
    GetJournalResponse,
    Invocation,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ui.links import link
from perdure_runtime.ui.pages import acts
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.statuses import Status, status_of
from perdure_runtime.ui.timeline import rows_of
from perdure_runtime.ui.visit import Visit, shown

# A journal is shown in pieces of so many entries.
PIECE = 200


@dataclass(frozen=True, slots=True)
class Branch:
    """An invocation in the call tree; ``depth`` counts from 0."""

    invocation: Invocation
    status: Status
    depth: int


def routes(site: Site) -> Iterable[Route]:
    """The page; what its buttons do is in ``acts``."""
    yield from acts.routes(site)
    yield shown(site, "/invocations/{id}", show)


async def show(visit: Visit) -> Response:
    """Shows an invocation with its journal and call tree."""
    id, first = visit.part("id"), visit.query.whole("from")
    invocation, journal, tree = await asyncio.gather(
        visit.ask("GetInvocation", GetInvocationRequest(invocation_id=id), Invocation),
        visit.ask("GetJournal", GetJournalRequest(invocation_id=id, from_index=first, limit=PIECE), GetJournalResponse),
        visit.ask("GetCallTree", GetCallTreeRequest(invocation_id=id), GetCallTreeResponse),
    )
    last = first + len(journal.entries)
    return visit.page(
        "invocation.html",
        title=f"{invocation.service}/{invocation.handler}",
        invocation=invocation,
        status=status_of(invocation),
        has_ended=invocation.status == "ended",
        took_ms=(invocation.ended_at_ms or visit.now_ms) - invocation.created_at_ms,
        rows=rows_of(invocation, journal.entries, visit.now_ms),
        length=journal.length,
        first=first,
        last=last,
        before=link("invocations", id, **{"from": max(first - PIECE, 0)}) if first else "",
        after=link("invocations", id, **{"from": last}) if last < journal.length else "",
        branches=_branches(tree.root),
        truncated=tree.truncated,
        acts=[act for act in acts.offered(invocation) if visit.may(act.rpc)],
        may_restart=invocation.status == "ended" and visit.may("RestartInvocation"),
    )


def _branches(root: CallTree) -> list[Branch]:
    """The tree as lines in order; without recursion, as it may be deep."""
    found: list[Branch] = []
    waiting = [(root, 0)]
    while waiting:
        tree, depth = waiting.pop()
        found.append(Branch(tree.invocation, status_of(tree.invocation), depth))
        waiting += [(each, depth + 1) for each in reversed(tree.calls)]
    return found
