"""The same done to many invocations: asked once more with their number, then done a page at a time.

Each answer is a page with a bar and the form that goes on: without the script somebody presses its button, and with it
the script does. Nothing is kept here in between, so it can be stopped at any time.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from grpclib.const import Status as Code
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    ActOnInvocationsRequest,
    ActOnInvocationsResponse,
    BulkAction,
    CountInvocationsRequest,
    CountInvocationsResponse,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.filters import SELECTED, pairs_of, read_filter
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link, with_query
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, done

MOST_COUNTED = 1_000_000
# Reasons that are carried from page to page; the list says how many there are.
MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do to many. ``effect`` says what becomes of them; ``past`` is "cancelled", and so on."""

    name: str
    word: str
    past: str
    effect: str
    destroys: bool

    @property
    def number(self) -> BulkAction.ValueType:
        """As the contract has it."""
        return BulkAction.Value(self.name.upper())


ACTIONS = {
    action.name: action
    for action in (
        Action("pause", "Pause", "paused", "They stop where they are until they are resumed.", False),
        Action("resume", "Resume", "resumed", "They are tried again by the deployment that began them.", False),
        Action(
            "resume_on_newest",
            "Resume on newest",
            "resumed",
            "They are tried again by the newest deployment of their service, which must repeat their journals.",
            False,
        ),
        Action("cancel", "Cancel", "cancelled", "They are asked to end; their handlers undo what they did.", True),
        Action(
            "kill",
            "Kill",
            "killed",
            "They end at once, with all that they have called, and nothing is undone. Prefer to cancel.",
            True,
        ),
        Action("restart", "Restart", "restarted", "Those that have ended run again as new ones.", False),
        Action("purge", "Purge", "purged", "Those that have ended are forgotten, with journals and outcomes.", True),
    )
}


def routes(site: Site) -> Iterable[Route]:
    """The two steps."""
    yield done(site, "/invocations/bulk", confirm)
    yield done(site, "/invocations/bulk/run", run)


async def confirm(visit: Visit) -> Response:
    """Shows how many it would be done to."""
    form = await visit.form()
    action = _action(form)
    whole = form.text("scope") == "filter"
    if not whole and SELECTED not in form:
        return visit.go(
            with_query(link("invocations"), pairs_of(form)),
            problem=f"Nothing is selected: choose the invocations to {action.word.lower()}, or act on all that fit.",
        )
    pairs = pairs_of(form, selection=not whole)
    request = CountInvocationsRequest(filter=read_filter(Form(pairs)), limit=MOST_COUNTED)
    count = (await visit.ask("CountInvocations", request, CountInvocationsResponse)).count
    return visit.page(
        "bulk.html",
        title=f"{action.word} {count:,} invocation{'' if count == 1 else 's'}?",
        action=action,
        count=count,
        pairs=pairs,
        described=[] if not whole else [(name.replace("_", " "), value) for name, value in pairs],
        whole=whole,
        back=with_query(link("invocations"), pairs_of(form, selection=False)),
    )


async def run(visit: Visit) -> Response:
    """Does it to one page of them, and shows how far it has come."""
    form = await visit.form()
    action = _action(form)
    pairs = pairs_of(form)
    request = ActOnInvocationsRequest(
        filter=read_filter(Form(pairs)), action=action.number, page_token=form.text("token")
    )
    answer = await visit.ask("ActOnInvocations", request, ActOnInvocationsResponse)
    acted, refused = form.whole("done") + answer.done, form.whole("refused") + answer.refused
    # More may fit by now than when they were counted.
    total = max(form.whole("total"), acted + refused)
    told = [f"{each.invocation_id}: {each.reason}" for each in answer.refusals]
    return visit.page(
        "bulk_progress.html",
        title=f"{action.word} invocations",
        action=action,
        pairs=pairs,
        token=answer.next_page_token,
        done=acted,
        refused=refused,
        total=total,
        reasons=[*form.all("reason"), *told][:MOST_SHOWN],
        back=with_query(link("invocations"), pairs_of(form, selection=False)),
    )


def _action(form: Form) -> Action:
    action = ACTIONS.get(form.text("action"))
    if action is None:
        raise Refusal(Code.INVALID_ARGUMENT, f"choose what to do: {', '.join(ACTIONS)}")
    return action
