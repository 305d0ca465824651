"""What programs outside tell invocations, runs of workflows and awakeables, and what goes out for it."""

import pytest
from google.protobuf.message import Message
from perdure import CallError, Client, StatusCode, SyncClient, TerminalError, UsageError, codec
from perdure.calls import CallerT
from perdure.method import ObjectClient
from perdure.run_method import RunRpc
from perdure.service import Handler, HandlerKind, Service, ServiceKind
from perdure_protos.perdure.ingress.v1 import ingress_pb2

from tests.sdk.contract import Word
from tests.sdk.ingress import HELLO, Asked, FakeIngress, Said, hello, meet

SIGNUP = Service(
    "testing.v1.Signup", ServiceKind.WORKFLOW, (Handler("Run", "run", Word, Word, HandlerKind.RUN, "counter"),)
)
ADA = ingress_pb2.InvocationRequest(workflow=ingress_pb2.Workflow(service="testing.v1.Signup", id="ada"))
BY_ID = ingress_pb2.InvocationRequest(invocation_id="inv_7")
APPROVED = Word(text="approved")


class SignupClient(ObjectClient[CallerT]):
    """Calls Signup, as generated code does."""

    service = SIGNUP
    run = RunRpc[Word, Word]("Run")


async def done(asked: Asked) -> Said:
    """Answers each question with an empty message, or with an empty word."""
    return Said()


def only(ingress: FakeIngress, method: str, request: Message) -> bool:
    """Whether one rpc has come, and this one."""
    (asked,) = ingress.asked
    assert asked.path == f"/perdure.ingress.v1.IngressService/{method}"
    return type(request).FromString(asked.message) == request


def test_a_handle_cancels_by_its_id() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await client.handle("inv_7", Word).cancel()
        assert only(ingress, "Cancel", BY_ID)

    meet(done, story)


def test_a_handle_signals_by_its_id_with_the_message_serialised() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await client.handle("inv_7", Word).signal("approved", APPROVED)
        expected = ingress_pb2.SignalRequest(invocation=BY_ID, name="approved", value=codec.encode(APPROVED))
        assert only(ingress, "Signal", expected)

    meet(done, story)


@pytest.mark.parametrize("method", ["Attach", "Output"])
def test_the_result_of_a_run_is_asked_for_by_the_workflow_id(method: str) -> None:
    async def answer(asked: Asked) -> Said:
        return Said(ingress_pb2.InvocationResult(value=codec.encode(APPROVED)).SerializeToString(), "inv_1")

    async def story(client: Client, ingress: FakeIngress) -> None:
        run = SignupClient(client, "ada").run
        assert await (run.attach() if method == "Attach" else run.output()) == APPROVED
        assert only(ingress, method, ADA)

    meet(answer, story)


def test_the_output_of_a_run_is_none_while_it_runs() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.FAILED_PRECONDITION, text="it runs")

    async def story(client: Client, ingress: FakeIngress) -> None:
        assert await SignupClient(client, "ada").run.output() is None

    meet(answer, story)


def test_a_run_is_cancelled_by_the_workflow_id() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await SignupClient(client, "ada").run.cancel()
        assert only(ingress, "Cancel", ADA)

    meet(done, story)


def test_a_run_that_must_be_new_says_so_and_others_say_nothing() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        signup = SignupClient(client, "ada")
        await signup.run(Word(), must_be_new=True)
        await signup.run.send(Word(), must_be_new=True)
        await signup.run(Word())
        assert [asked.metadata for asked in ingress.asked] == [
            {"perdure-must-be-new": "true"},
            {"perdure-mode": "send", "perdure-must-be-new": "true"},
            {},
        ]

    meet(hello, story)


def test_a_run_that_must_be_new_and_is_not_is_a_terminal_error() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(invocation_id="inv_1", status=StatusCode.ALREADY_EXISTS, text="this workflow id has run")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError, match="this workflow id has run") as raised:
            await SignupClient(client, "ada").run(Word(), must_be_new=True)
        assert not isinstance(raised.value, CallError)
        assert raised.value.code is StatusCode.ALREADY_EXISTS

    meet(answer, story)


def test_an_awakeable_is_resolved_with_the_message_serialised() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await client.resolve_awakeable("awk_1", APPROVED)
        expected = ingress_pb2.ResolveAwakeableRequest(awakeable_id="awk_1", value=codec.encode(APPROVED))
        assert only(ingress, "ResolveAwakeable", expected)

    meet(done, story)


def test_an_awakeable_is_rejected_with_a_code_or_with_unknown() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        await client.reject_awakeable("awk_1", "declined", code=StatusCode.ABORTED)
        await client.reject_awakeable("awk_1", "declined")
        requests = [ingress_pb2.RejectAwakeableRequest.FromString(asked.message) for asked in ingress.asked]
        assert [(request.awakeable_id, request.message, request.code) for request in requests] == [
            ("awk_1", "declined", 10),
            ("awk_1", "declined", 2),
        ]

    meet(done, story)


def test_an_awakeable_is_not_rejected_with_ok() -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(UsageError, match="resolve it"):
            await client.reject_awakeable("awk_1", "fine", code=StatusCode.OK)
        assert ingress.asked == []

    meet(done, story)


def test_an_awakeable_that_nobody_has_is_a_terminal_error() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.NOT_FOUND, text="there is no awakeable")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(TerminalError, match="NOT_FOUND: there is no awakeable"):
            await client.resolve_awakeable("awk_1", APPROVED)

    meet(answer, story)


def test_a_signal_whose_fate_is_not_known_tells_the_invocation() -> None:
    async def answer(asked: Asked) -> Said:
        return Said(status=StatusCode.UNAVAILABLE, text="the node stops")

    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(CallError, match="the node stops") as raised:
            await client.handle("inv_7", Word).signal("approved", APPROVED)
        assert raised.value.invocation_id == "inv_7"

    meet(answer, story)


def test_the_blocking_client_tells_the_same() -> None:
    async def answer(asked: Asked) -> Said:
        return HELLO if asked.path == "/testing.v1.Signup/Run" else Said()

    with FakeIngress(answer) as ingress, SyncClient(ingress.address) as client:
        signup = SignupClient(client, "ada")
        assert signup.run(Word(), must_be_new=True) == Word(text="hello")
        assert signup.run.attach() == Word()
        assert signup.run.output() == Word()
        signup.run.cancel()
        client.handle("inv_7", Word).signal("approved", APPROVED)
        client.handle("inv_7", Word).cancel()
        client.resolve_awakeable("awk_1", APPROVED)
        client.reject_awakeable("awk_1", "declined", code=StatusCode.ABORTED)
        methods = [asked.path.rpartition("/")[2] for asked in ingress.asked]
    assert methods == [
        *("Run", "Attach", "Output", "Cancel", "Signal", "Cancel"),
        *("ResolveAwakeable", "RejectAwakeable"),
    ]
    assert ingress.asked[0].metadata == {"perdure-must-be-new": "true"}
    assert ingress_pb2.RejectAwakeableRequest.FromString(ingress.asked[-1].message).code == 10
