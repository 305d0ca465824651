"""What is asked over a link is what residents are asked, and what they answer is what comes back."""

from collections.abc import Awaitable, Callable

import pytest
from perdure_protos.perdure.peer.v1.message_pb2 import Caller, Message, Result
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.ingress.port import (
    AlreadyExists,
    EndpointUnavailable,
    HasEnded,
    NodeStops,
    NotAccepted,
    NotPaused,
    UnknownAwakeable,
    UnknownInvocation,
    WorkflowId,
    WrongStatus,
)
from perdure_runtime.partition.input import EditState, SettlePromise
from perdure_runtime.peer.link import PeerLink
from perdure_runtime.peer.port import Moved
from perdure_runtime.storage.api import Parcel, StorageFailure

from tests.peer.residents import ENDED, FACTS, HANDLER, VALUE, a_submit
from tests.peer.room import Room, tell

WORKFLOW = WorkflowId("town.Party", "new year")
EDIT = EditState("town.Party", "ada", "v1", (("balance", b"1"), ("note", b""), ("old", None)))
SETTLE = SettlePromise("town.Party", "ada", "done", Outcome(value=b"yes"))
FAILED = Outcome(failure=Failure(code=5, message="no"))


@pytest.mark.parametrize(
    ("ask", "asked", "answer"),
    [
        (lambda link: link.submit(a_submit()), ("submit", a_submit()), "inv_1"),
        (lambda link: link.call(a_submit()), ("call", a_submit()), ("inv_1", VALUE)),
        (lambda link: link.attach(WORKFLOW), ("attach", WORKFLOW), ENDED),
        (lambda link: link.output("inv_1"), ("output", "inv_1"), ENDED),
        (lambda link: link.output("inv_2"), ("output", "inv_2"), None),
        (lambda link: link.handler_of(WORKFLOW), ("handler_of", WORKFLOW), HANDLER),
        (lambda link: link.cancel("inv_1"), ("cancel", "inv_1"), None),
        (lambda link: link.signal(WORKFLOW, "go", FAILED), ("signal", WORKFLOW, "go", FAILED), None),
        (lambda link: link.signal_type("inv_1", "known"), ("signal_type", "inv_1", "known"), FACTS),
        (lambda link: link.signal_type("inv_1", "other"), ("signal_type", "inv_1", "other"), None),
        (lambda link: link.awakeable_type("awk_1"), ("awakeable_type", "awk_1"), FACTS),
        (lambda link: link.complete_awakeable("awk_1", VALUE), ("complete_awakeable", "awk_1", VALUE), None),
        (lambda link: link.resume("inv_1", on_newest=True), ("resume", "inv_1", True), None),
        (lambda link: link.pause("inv_1"), ("pause", "inv_1"), None),
        (lambda link: link.stop("inv_1"), ("stop", "inv_1"), None),
        (lambda link: link.kill("inv_1"), ("kill", "inv_1"), None),
        (lambda link: link.restart("inv_1", 3), ("restart", "inv_1", 3), "inv_2"),
        (lambda link: link.purge("inv_1"), ("purge", "inv_1"), None),
        (lambda link: link.edit_state(EDIT), ("edit_state", EDIT), None),
        (lambda link: link.settle_promise(SETTLE), ("settle_promise", SETTLE), None),
        (lambda link: link.refresh(), ("refresh",), None),
    ],
)
def test_a_method_arrives_with_its_arguments_and_comes_back_with_its_result(
    ask: Callable[[PeerLink], Awaitable[object]], asked: tuple[object, ...], answer: object
) -> None:
    async def story(room: Room, link: PeerLink) -> None:
        assert await ask(link) == answer
        assert room.residents.asked == [asked]

    tell(story)


@pytest.mark.parametrize(
    "error",
    [
        NotAccepted("the node stops"),
        AlreadyExists("inv_7"),
        EndpointUnavailable("inv_7", "host:9080", "refused"),
        NodeStops("inv_7"),
        UnknownInvocation("inv_7"),
        UnknownInvocation(WORKFLOW),
        HasEnded("inv_7 has ended"),
        UnknownAwakeable("awk_7"),
        WrongStatus("inv_7 runs"),
        NotPaused("inv_7 runs"),
        Moved(7),
        Moved(7, "inv_7"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}",
)
def test_an_error_of_residents_is_raised_over_the_link_as_it_was(error: Exception) -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.error = error
        with pytest.raises(type(error)) as raised:
            await link.pause("inv_7")
        assert type(raised.value) is type(error)
        assert raised.value.args == error.args
        assert vars(raised.value) == vars(error)

    tell(story)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (StorageFailure("the disk is full"), "the disk is full"),
        (ZeroDivisionError("by zero"), "the node failed at it: ZeroDivisionError: by zero"),
    ],
)
def test_what_is_no_word_of_callers_is_refused_with_a_sentence(error: Exception, sentence: str) -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.error = error
        with pytest.raises(NotAccepted) as raised:
            await link.submit(a_submit())
        assert str(raised.value) == sentence

    tell(story)


def test_parcels_acknowledgements_and_looks_arrive_in_their_order() -> None:
    message = Message(result=Result(caller=Caller(invocation_id="inv_1", command=2), outcome=VALUE))
    parcels = (Parcel(1, 2, 3, message), Parcel(1, 2, 4, message))

    async def story(room: Room, link: PeerLink) -> None:
        link.send_parcels(parcels)
        await room.post.until(1)
        link.acknowledge(5, 6, 7)
        link.look()
        await room.post.until(3)
        assert room.post.came == [parcels, (5, 6, 7), "look"]

    tell(story)
