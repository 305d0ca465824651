"""What operators do to invocations: to some by their ids, or to all that fit.

Those that fit are counted first, and whoever asks is asked back. Then as many are acted on as were counted, a page at a
time: what becomes fit meanwhile, such as the new invocations of restarted ones, is left alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    ActOnInvocationsRequest,
    ActOnInvocationsResponse,
    BulkAction,
    CancelInvocationRequest,
    CancelInvocationResponse,
    CountInvocationsRequest,
    CountInvocationsResponse,
    InvocationFilter,
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

from perdure_runtime.cli.asking.choosing import filter_of
from perdure_runtime.cli.asking.confirming import confirm
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.progress import Progress
from perdure_runtime.cli.choice import Choice
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import counted, note, say
from perdure_runtime.cli.problem import Problem

# So many are acted on between two looks at the progress.
PAGE = 500
# What has begun, and what has not ended.
BEGUN = ("running", "suspended", "backing_off")
ALIVE = ("scheduled", "queued", *BEGUN, "paused")


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do to invocations.

    Attributes:
        verb: What the command is called.
        done: What has become of those that it was done to.
        bulk: What the admin API calls it.
        statuses: Those that it can be done to, where the operator names none.
        one: Does it to one invocation, and says so in a line.
    """

    verb: str
    done: str
    bulk: BulkAction.ValueType
    statuses: tuple[str, ...]
    one: Callable[[Connection, str], str]


def act(
    connection: Connection, action: Action, ids: Sequence[str], choice: Choice, *, everything: bool, yes: bool
) -> None:
    """Does it to invocations by their ids, or to all that fit. Raises Problem where some were refused."""
    if ids:
        if not choice.is_everything or everything:
            raise Problem("name invocations by their ids, or say which with options, not both")
        _act_on_some(connection, action, ids)
        return
    if choice.is_everything and not everything:
        raise Problem(
            f"say which invocations to {action.verb}: by their ids, with options such as --service or --status, or all "
            "of them with --all"
        )
    _act_on_all_that_fit(connection, action, filter_of(choice), yes=yes)


def cancelling() -> Action:
    """Asks invocations to end."""

    def cancel(connection: Connection, invocation_id: str) -> str:
        ask(connection, CancelInvocationRequest(invocation_id=invocation_id), CancelInvocationResponse)
        return f"{invocation_id} is asked to end"

    return Action("cancel", "asked to end", BulkAction.CANCEL, ALIVE, cancel)


def killing() -> Action:
    """Ends invocations at once."""

    def kill(connection: Connection, invocation_id: str) -> str:
        ask(connection, KillInvocationRequest(invocation_id=invocation_id), KillInvocationResponse)
        return f"{invocation_id} is killed"

    return Action("kill", "killed", BulkAction.KILL, ALIVE, kill)


def pausing() -> Action:
    """Stops invocations where they are."""

    def pause(connection: Connection, invocation_id: str) -> str:
        ask(connection, PauseInvocationRequest(invocation_id=invocation_id), PauseInvocationResponse)
        return f"{invocation_id} is paused; go on with: perdure invocations resume {invocation_id}"

    return Action("pause", "paused", BulkAction.PAUSE, BEGUN, pause)


def resuming(*, on_newest: bool) -> Action:
    """Lets paused invocations go on."""

    def resume(connection: Connection, invocation_id: str) -> str:
        request = ResumeInvocationRequest(invocation_id=invocation_id, on_newest=on_newest)
        ask(connection, request, ResumeInvocationResponse)
        return f"{invocation_id} runs again"

    bulk = BulkAction.RESUME_ON_NEWEST if on_newest else BulkAction.RESUME
    return Action("resume", "resumed", bulk, ("paused",), resume)


def restarting(from_entry: int) -> Action:
    """Runs ended invocations again, as new ones."""

    def restart(connection: Connection, invocation_id: str) -> str:
        request = RestartInvocationRequest(invocation_id=invocation_id, from_entry=from_entry)
        new = ask(connection, request, RestartInvocationResponse)
        return f"{invocation_id} runs again as {new.invocation_id}"

    return Action("restart", "started again", BulkAction.RESTART, ("ended",), restart)


def purging() -> Action:
    """Forgets ended invocations."""

    def purge(connection: Connection, invocation_id: str) -> str:
        ask(connection, PurgeInvocationRequest(invocation_id=invocation_id), PurgeInvocationResponse)
        return f"{invocation_id} is forgotten"

    return Action("purge", "forgotten", BulkAction.PURGE, ("ended",), purge)


def _act_on_some(connection: Connection, action: Action, ids: Sequence[str]) -> None:
    if len(ids) == 1:
        say(action.one(connection, ids[0]))
        return
    refusals = []
    for invocation_id in dict.fromkeys(ids):
        try:
            say(action.one(connection, invocation_id))
        except Problem as problem:
            refusals.append(str(problem))
    _tell_refusals(action, len(refusals), refusals)


def _act_on_all_that_fit(connection: Connection, action: Action, wanted: InvocationFilter, *, yes: bool) -> None:
    if not wanted.statuses:
        wanted.statuses.extend(action.statuses)
    count = ask(connection, CountInvocationsRequest(filter=wanted), CountInvocationsResponse).count
    if not count:
        say("there are none")
        return
    if not yes:
        confirm(f"{action.verb} {counted(count, 'invocation')}?")
    done = refused = 0
    reasons: list[str] = []
    token = ""
    with Progress(f"{action.verb}", count) as progress:
        while done + refused < count:
            request = ActOnInvocationsRequest(
                filter=wanted, action=action.bulk, page_size=min(PAGE, count - done - refused), page_token=token
            )
            page = ask(connection, request, ActOnInvocationsResponse)
            done, refused, token = done + page.done, refused + page.refused, page.next_page_token
            reasons += [f"{refusal.invocation_id}: {refusal.reason}" for refusal in page.refusals]
            progress.come_to(done + refused)
            if not token:
                break
    say(f"{counted(done, 'invocation')} {'is' if done == 1 else 'are'} {action.done}")
    _tell_refusals(action, refused, reasons)


def _tell_refusals(action: Action, refused: int, reasons: Sequence[str]) -> None:
    """Raises Problem where there are any."""
    if not refused:
        return
    for reason in reasons:
        note(reason)
    if len(reasons) < refused:
        note(f"and {counted(refused - len(reasons), 'other')}")
    raise Problem(f"{counted(refused, 'invocation')} could not be {action.done}; the reasons stand above", exit_code=1)
