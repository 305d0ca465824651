"""What can be done to one invocation: which of it is offered, asked once more where it destroys, and done."""

from collections.abc import Iterable
from dataclasses import dataclass

from grpclib.const import Status as Code
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    CancelInvocationRequest,
    CancelInvocationResponse,
    GetInvocationRequest,
    Invocation,
    KillInvocationRequest,
    KillInvocationResponse,
    PauseInvocationRequest,
    PauseInvocationResponse,
    PurgeInvocationRequest,
    PurgeInvocationResponse,
    RestartInvocationRequest,
    RestartInvocationResponse,
    ResumeInvocationRequest,
    ResumeInvocationResponse,
)
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ui.forms import Form
from perdure_runtime.ui.links import link
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.statuses import status_of
from perdure_runtime.ui.visit import Visit, done, shown

BEGUN = ("running", "suspended", "backing_off")


@dataclass(frozen=True, slots=True)
class Act:
    """Something to do to one. ``effect`` is what is said before it is done; ``asks`` whether it is asked at all."""

    name: str
    word: str
    rpc: str
    effect: str
    asks: bool = False


ACTS = {
    act.name: act
    for act in (
        Act("pause", "Pause", "PauseInvocation", "It stops where it is until it is resumed."),
        Act("resume", "Resume", "ResumeInvocation", "It is tried again by the deployment that began it."),
        Act(
            "resume_on_newest",
            "Resume on newest",
            "ResumeInvocation",
            "It is tried again by the newest deployment of its service, which must repeat its journal.",
        ),
        Act(
            "cancel",
            "Cancel",
            "CancelInvocation",
            "It is asked to end, the invocations that it has called first; their handlers undo what they did.",
            asks=True,
        ),
        Act(
            "kill",
            "Kill",
            "KillInvocation",
            "It ends at once, with all that it has called, and nothing is undone. Prefer to cancel.",
            asks=True,
        ),
        Act("restart", "Restart as new", "RestartInvocation", "It runs again as a new invocation.", asks=True),
        Act("purge", "Purge", "PurgeInvocation", "It is forgotten, with its journal and its outcome.", asks=True),
    )
}


def offered(invocation: Invocation) -> list[Act]:
    """What its status allows."""
    names: tuple[str, ...]
    match invocation.status:
        case "ended":
            names = ("restart", "purge")
        case "paused":
            names = ("resume", "resume_on_newest", "cancel", "kill")
        case status if status in BEGUN:
            names = ("pause", "cancel", "kill")
        case _:
            names = ("cancel", "kill")
    return [ACTS[name] for name in names]


def routes(site: Site) -> Iterable[Route]:
    """The question, and the answer to it."""
    yield shown(site, "/invocations/{id}/{act}", ask)
    yield done(site, "/invocations/{id}/{act}", do)


async def ask(visit: Visit) -> Response:
    """Asks whether it is meant."""
    act = _act(visit)
    invocation = await visit.ask("GetInvocation", GetInvocationRequest(invocation_id=visit.part("id")), Invocation)
    return visit.page(
        "act.html",
        title=f"{act.word}?",
        act=act,
        invocation=invocation,
        status=status_of(invocation),
        from_entry=visit.query.whole("from_entry"),
    )


async def do(visit: Visit) -> Response:
    """Does it, and goes back to the invocation: to the new one, where there is one."""
    act, id = _act(visit), visit.part("id")
    back = link("invocations", id)
    try:
        return await _do(visit, act, id, await visit.form())
    except Refusal as refusal:
        return visit.go(back, problem=refusal.message)


async def _do(visit: Visit, act: Act, id: str, form: Form) -> Response:
    back = link("invocations", id)
    match act.name:
        case "pause":
            await visit.ask(act.rpc, PauseInvocationRequest(invocation_id=id), PauseInvocationResponse)
            return visit.go(back, "Paused: nothing happens until it is resumed.")
        case "resume" | "resume_on_newest":
            request = ResumeInvocationRequest(invocation_id=id, on_newest=act.name == "resume_on_newest")
            await visit.ask(act.rpc, request, ResumeInvocationResponse)
            return visit.go(back, "Resumed.")
        case "cancel":
            await visit.ask(act.rpc, CancelInvocationRequest(invocation_id=id), CancelInvocationResponse)
            return visit.go(back, "Asked to end.")
        case "kill":
            await visit.ask(act.rpc, KillInvocationRequest(invocation_id=id), KillInvocationResponse)
            return visit.go(back, "Killed.")
        case "restart":
            restart = RestartInvocationRequest(invocation_id=id, from_entry=form.whole("from_entry"))
            new = await visit.ask(act.rpc, restart, RestartInvocationResponse)
            return visit.go(link("invocations", new.invocation_id), f"This is the new invocation, in place of {id}.")
        case _:
            await visit.ask(act.rpc, PurgeInvocationRequest(invocation_id=id), PurgeInvocationResponse)
            return visit.go(link("invocations"), f"Purged {id}.")


def _act(visit: Visit) -> Act:
    act = ACTS.get(visit.part("act"))
    if act is None:
        raise Refusal(Code.NOT_FOUND, f"an invocation can be asked to: {', '.join(ACTS)}")
    return act
