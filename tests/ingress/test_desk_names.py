"""What the desk lets callers ask about and tell: invocations by their ids, and runs of public workflows by theirs."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from grpclib.const import Status
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.port import AwakeableFacts, EndedInvocation, InvocationName, WorkflowId
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import Wishes

from tests.ingress.desk_room import PROCESS, RUN, FakeInvocations, echo, given, hold, order, receipt, shop

Question = Callable[[Desk, InvocationName], Awaitable[object]]
QUESTIONS: list[Question] = [
    lambda desk, name: desk.attach(name, None),
    lambda desk, name: desk.output(name),
    lambda desk, name: desk.cancel(name, None),
    lambda desk, name: desk.signal(name, "approved", b"", None),
]
ADA = WorkflowId("shop.v1.Signup", "ada")


async def run(desk: Desk, wishes: Wishes) -> str:
    """Runs the workflow of Ada, and gives the invocation."""
    handler = desk.handler(RUN)
    request = handler.request(account="ada")
    return (await desk.call(handler, request, request.SerializeToString(), wishes, None)).invocation_id


async def refused(answer: Awaitable[object]) -> Refusal:
    """How a question is refused."""
    with pytest.raises(Refusal) as caught:
        await answer
    return caught.value


def test_a_run_is_found_by_the_workflow_id() -> None:
    async def story() -> None:
        desk = Desk(FakeInvocations())
        await run(desk, Wishes(one_way=True))
        ended = EndedInvocation("inv_1", "shop.v1.Signup", "Run", given(receipt("ada")))
        assert await desk.attach(ADA, None) == ended
        assert await desk.output(ADA) == ended

    asyncio.run(story())


@pytest.mark.parametrize("question", QUESTIONS, ids=["attach", "output", "cancel", "signal"])
@pytest.mark.parametrize(
    ("service", "says"),
    [
        ("shop.v1.Secret", "no service 'shop.v1.Secret' is registered"),
        ("shop.v1.Quiet", "shop.v1.Quiet has no handler 'Run'; it has Ask"),
        ("shop.v1.Account", "shop.v1.Account is a virtual object"),
        ("shop.v1.Nothing", "no service 'shop.v1.Nothing' is registered"),
    ],
    ids=["private service", "private run", "no workflow", "unknown"],
)
def test_a_run_that_callers_cannot_make_is_as_if_it_did_not_exist(question: Question, service: str, says: str) -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        name = WorkflowId(service, "ada")
        invocations.known = {name}
        refusal = await refused(question(Desk(invocations), name))
        assert refusal.code is Status.NOT_FOUND
        assert refusal.message.startswith(says)
        assert (invocations.cancelled, invocations.signals) == ([], [])

    asyncio.run(story())


@pytest.mark.parametrize("question", QUESTIONS, ids=["attach", "output", "cancel", "signal"])
@pytest.mark.parametrize(
    ("name", "says"),
    [(ADA, "workflow 'ada' of shop.v1.Signup has not run"), ("inv_9", "there is no invocation 'inv_9'")],
    ids=["workflow", "invocation"],
)
def test_what_does_not_exist_is_named(question: Question, name: InvocationName, says: str) -> None:
    async def story() -> None:
        refusal = await refused(question(Desk(FakeInvocations()), name))
        assert refusal.code is Status.NOT_FOUND
        assert refusal.message.startswith(says)

    asyncio.run(story())


def test_the_run_of_an_id_that_has_run_is_refused_to_who_wants_a_new_one() -> None:
    async def story() -> None:
        desk = Desk(FakeInvocations())
        assert await run(desk, Wishes(must_be_new=True)) == "inv_1"
        refusal = await refused(run(desk, Wishes(must_be_new=True)))
        assert (refusal.code, refusal.invocation_id, refusal.ended) == (Status.ALREADY_EXISTS, "inv_1", False)
        assert "invocation inv_1" in refusal.message

    asyncio.run(story())


def test_only_runs_of_workflows_can_be_asked_to_be_new() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        desk = Desk(invocations)
        refusal = await refused(desk.call(desk.handler(PROCESS), order("o-1"), b"", Wishes(must_be_new=True), None))
        assert refusal.code is Status.INVALID_ARGUMENT
        assert "every call of shop.v1.Orders/Process is a new one" in refusal.message
        assert invocations.submissions == []

    asyncio.run(story())


def test_a_signal_to_what_has_ended_is_a_failed_precondition() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        invocations.known = invocations.ended = {ADA}
        refusal = await refused(Desk(invocations).signal(ADA, "approved", b"", None))
        assert (refusal.code, refusal.http_status) == (Status.FAILED_PRECONDITION, 409)
        assert refusal.message.startswith("workflow 'ada' of shop.v1.Signup has ended")

    asyncio.run(story())


def test_an_awakeable_is_read_by_the_contract_of_its_service_private_or_not() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        invocations.awakeables = {"awk_1": AwakeableFacts("shop.v1.Books", "shop.v1.Order")}
        awaited = await Desk(invocations).awaited("awk_1")
        assert awaited is not None
        assert awaited.message is shop().handlers[PROCESS].request

    asyncio.run(story())


def test_an_awakeable_is_not_rejected_with_ok() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        invocations.awakeables = {"awk_1": AwakeableFacts("shop.v1.Books", "shop.v1.Order")}
        refusal = await refused(Desk(invocations).reject("awk_1", "no", Status.OK, None))
        assert refusal.code is Status.INVALID_ARGUMENT
        assert invocations.completed == []

    asyncio.run(story())


def test_what_is_not_durable_in_time_may_still_happen() -> None:
    class StuckInvocations(FakeInvocations):
        async def cancel(self, name: InvocationName) -> None:
            await asyncio.Event().wait()

    async def story() -> None:
        invocations = StuckInvocations()
        invocations.known = {"inv_1"}
        refusal = await refused(Desk(invocations).cancel("inv_1", 0.01))
        assert refusal.code is Status.DEADLINE_EXCEEDED
        assert "it may still happen" in refusal.message

    asyncio.run(story())


def test_waiting_for_a_run_can_be_given_a_time() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        invocations.handle = hold
        desk = Desk(invocations)
        await run(desk, Wishes(one_way=True))
        refusal = await refused(desk.attach(ADA, 0.01))
        assert refusal.code is Status.DEADLINE_EXCEEDED
        assert "before workflow 'ada' of shop.v1.Signup ended; it goes on" in refusal.message

    asyncio.run(story())


def test_a_result_by_id_tells_whose_it_was() -> None:
    async def story() -> None:
        invocations = FakeInvocations()
        invocations.handle = echo
        desk = Desk(invocations)
        await desk.call(desk.handler(PROCESS), order("o-1"), b"", Wishes(one_way=True), None)
        assert await desk.output("inv_1") == EndedInvocation("inv_1", "shop.v1.Orders", "Process", Outcome(value=b""))

    asyncio.run(story())
