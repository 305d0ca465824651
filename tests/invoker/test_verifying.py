"""Replays on other code: what is repeated, what is not, and that nothing else happens. Journals are of a real node."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta

import perdure
import pytest
from perdure import codec
from perdure.session import EndpointSession
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import Submission
from perdure_runtime.invoker import verifying
from perdure_runtime.invoker.local import LocalTransport
from perdure_runtime.invoker.transport import EndpointUnreachable
from perdure_runtime.invoker.verifying import Subject, verify
from perdure_runtime.node.node import Node
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.view import InvocationDocument, JournalDocument
from perdure_runtime.storage.memory import MemoryStorage
from trial.v1 import AddRequest, CounterContext, CounterHandlers, CounterState, Text, TrialHandlers

from tests.invoker.test_connection import FakeLink, FakeTransport
from tests.node.looking import look

Body = Callable[[perdure.Context], Coroutine[None, None, str]]
FIRST = Submission("trial.v1.Trial", "First", "", codec.encode(Text(text="hello")))
ONCE = Execution(retry=RetryPolicy(max_attempts=1, pause=False))


class Trials(TrialHandlers):
    """Its first handler is the test's."""

    def __init__(self, body: Body) -> None:
        self._body = body

    async def first(self, ctx: perdure.Context, request: Text) -> Text:
        return Text(text=await self._body(ctx))

    async def second(self, ctx: perdure.Context, request: Text) -> Text:
        return request


class Counting(CounterHandlers):
    """Adds, and says what there was."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        before = await ctx.state.value.get()
        ctx.state.value.set(before + 1)
        return CounterState(value=before)


class Recorder:
    """A node with one endpoint, whose invocations become subjects."""

    def __init__(self, endpoint: perdure.Endpoint, defaults: Execution) -> None:
        self.storage = MemoryStorage()
        self.node = Node(self.storage, defaults=defaults)
        self._endpoint = endpoint
        self._defaults = defaults

    async def record(self, submission: Submission) -> Subject:
        """Runs an invocation to its end."""
        invocation_id, _ = await self.node.router.call(submission)
        return await self.subject(invocation_id)

    async def subject(self, invocation_id: str) -> Subject:
        """What is durable of an invocation."""
        await self.node.loop.flush()
        row = self.storage.load(InvocationDocument(invocation_id))
        entries = self.storage.load(JournalDocument(invocation_id))
        assert isinstance(entries, list)
        return Subject(row, tuple(entries))  # type: ignore[arg-type]  # a document has one type, which load cannot say

    async def __aenter__(self) -> "Recorder":
        await self.node.start()
        self.node.invoker.add(local(self._endpoint), Contracts.discovered(self._endpoint.discovery(), self._defaults))
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.node.close()


def local(endpoint: perdure.Endpoint) -> LocalTransport:
    """Sessions with an endpoint of this process."""
    return LocalTransport(lambda send: EndpointSession(endpoint, send))


async def ended(body: Body, defaults: Execution = ONCE) -> Subject:
    """An invocation of this code that has ended."""
    async with Recorder(perdure.Endpoint(Trials(body)), defaults) as recorder:
        return await recorder.record(FIRST)


async def waiting(body: Body) -> Subject:
    """An invocation of this code that waits for its signal "go"."""
    async with Recorder(perdure.Endpoint(Trials(body)), Execution(inactivity_timeout_ms=1)) as recorder:
        invocation_id = await recorder.node.router.submit(FIRST)
        while True:
            if look(recorder.node, invocation_id).status == "suspended":
                return await recorder.subject(invocation_id)
            await asyncio.sleep(0.001)


async def replayed(body: Body, *subjects: Subject) -> list[str]:
    """What this code does not repeat of them."""
    endpoint = perdure.Endpoint(Trials(body))
    contracts = Contracts.discovered(endpoint.discovery())
    return [divergence.message for divergence in await verify(local(endpoint), contracts, subjects)]


def play(story: Callable[[], Coroutine[None, None, None]]) -> None:
    """Runs a story, not for ever."""

    async def run() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(run())


def nothing() -> int:
    """A step."""
    return 1


async def charge(ctx: perdure.Context) -> str:
    return f"charged {await ctx.run('charge', nothing)}"


async def charge_and_wait(ctx: perdure.Context) -> str:
    await ctx.run("charge", nothing)
    await ctx.signal("go", Text)
    return "done"


def test_code_that_repeats_an_ended_invocation_is_right() -> None:
    async def story() -> None:
        assert await replayed(charge, await ended(charge)) == []

    play(story)


def test_code_that_repeats_what_is_in_flight_is_right() -> None:
    async def story() -> None:
        assert await replayed(charge_and_wait, await waiting(charge_and_wait)) == []

    play(story)


def test_code_that_goes_on_otherwise_where_the_journal_of_a_running_invocation_ends_is_right() -> None:
    async def changed(ctx: perdure.Context) -> str:
        await ctx.run("charge", nothing)
        await ctx.signal("go", Text)
        await ctx.run("ship", nothing)
        return "shipped"

    async def story() -> None:
        assert await replayed(changed, await waiting(charge_and_wait)) == []

    play(story)


@pytest.mark.parametrize("subject", [ended, waiting], ids=lambda subject: str(subject.__name__))
def test_code_that_asks_for_something_else_is_told_with_both_sides(
    subject: Callable[[Body], Coroutine[None, None, Subject]],
) -> None:
    async def changed(ctx: perdure.Context) -> str:
        await ctx.sleep(timedelta(seconds=5))
        return await charge_and_wait(ctx)

    async def story() -> None:
        (message,) = await replayed(changed, await subject(charge if subject is ended else charge_and_wait))
        assert "run 'charge'" in message
        assert "sleep 5000 ms" in message

    play(story)


def test_code_that_ends_with_another_result_is_told_with_both_results() -> None:
    async def changed(ctx: perdure.Context) -> str:
        return f"paid {await ctx.run('charge', nothing)}"

    async def story() -> None:
        (message,) = await replayed(changed, await ended(charge))
        assert message == 'it ended with {"text": "charged 1"}, and ends with {"text": "paid 1"}'

    play(story)


def test_code_that_fails_where_it_gave_a_result_is_told_with_its_error() -> None:
    async def changed(ctx: perdure.Context) -> str:
        await ctx.run("charge", nothing)
        raise perdure.TerminalError("no funds")

    async def story() -> None:
        (message,) = await replayed(changed, await ended(charge))
        assert message == 'it ended with {"text": "charged 1"}, and ends with the error \'no funds\''

    play(story)


def test_code_that_goes_on_after_the_end_is_told_what_it_asks_for() -> None:
    async def changed(ctx: perdure.Context) -> str:
        await ctx.run("charge", nothing)
        return str(await ctx.run("ship", nothing))

    async def story() -> None:
        (message,) = await replayed(changed, await ended(charge))
        assert message == 'it ended with {"text": "charged 1"}, and goes on with run \'ship\''

    play(story)


def test_code_that_breaks_is_told_with_its_exception() -> None:
    async def changed(ctx: perdure.Context) -> str:
        raise KeyError("name")

    async def story() -> None:
        assert await replayed(changed, await waiting(charge_and_wait)) == ["KeyError: 'name'"]

    play(story)


def test_the_same_terminal_error_is_repeated() -> None:
    async def fail(ctx: perdure.Context) -> str:
        await ctx.run("charge", nothing)
        raise perdure.TerminalError("no funds")

    async def story() -> None:
        assert await replayed(fail, await ended(fail)) == []

    play(story)


async def charge_and_break(ctx: perdure.Context) -> str:
    await ctx.run("charge", nothing)
    raise RuntimeError("the bank is closed")


def test_the_same_exception_of_what_gave_up_is_repeated() -> None:
    async def story() -> None:
        assert await replayed(charge_and_break, await ended(charge_and_break)) == []

    play(story)


def test_code_that_repairs_what_gave_up_is_right() -> None:
    async def story() -> None:
        assert await replayed(charge, await ended(charge_and_break)) == []

    play(story)


def test_a_killed_invocation_may_go_on_or_end_anyhow() -> None:
    async def story() -> None:
        async with Recorder(perdure.Endpoint(Trials(charge_and_wait)), Execution()) as recorder:
            invocation_id = await recorder.node.router.submit(FIRST)
            while len(look(recorder.node, invocation_id).journal) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await recorder.node.administration.kill(invocation_id)
            killed = await recorder.subject(invocation_id)
        assert await replayed(charge_and_wait, killed) == []
        assert await replayed(charge, replace(killed, journal=killed.journal[:2])) == []

    play(story)


def test_a_handler_that_the_endpoint_does_not_have_is_gone() -> None:
    async def story() -> None:
        endpoint = perdure.Endpoint(Counting())
        contracts = Contracts.discovered(endpoint.discovery())
        (divergence,) = await verify(local(endpoint), contracts, [await ended(charge)])
        assert divergence.message == "trial.v1.Trial/First is gone"

    play(story)


def test_state_is_what_the_journal_says_was_read() -> None:
    async def story() -> None:
        endpoint = perdure.Endpoint(Counting())
        add = Submission("trial.v1.Counter", "Add", "ada", codec.encode(AddRequest(counter="ada")))
        async with Recorder(endpoint, ONCE) as recorder:
            subjects = [await recorder.record(add) for _ in range(2)]
        assert await verify(local(endpoint), Contracts.discovered(endpoint.discovery()), subjects) == []

    play(story)


class Telling(CounterHandlers):
    """Reads last what nothing follows, and what is therefore not in its journal."""

    async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
        ctx.state.value.set(7)
        return CounterState(last_reason=await ctx.state.last_reason.get())


def test_code_whose_last_act_is_a_read_is_right() -> None:
    async def story() -> None:
        endpoint = perdure.Endpoint(Telling())
        add = Submission("trial.v1.Counter", "Add", "ada", codec.encode(AddRequest(counter="ada")))
        async with Recorder(endpoint, ONCE) as recorder:
            subject = await recorder.record(add)
        assert await verify(local(endpoint), Contracts.discovered(endpoint.discovery()), [subject]) == []

    play(story)


def test_a_step_that_the_journal_has_not_never_runs() -> None:
    ran: list[str] = []

    async def changed(ctx: perdure.Context) -> str:
        await ctx.run("charge", ran.append, "charge")
        await ctx.signal("go", Text)
        return "done"

    async def beyond(ctx: perdure.Context) -> str:
        await ctx.run("ship", ran.append, "ship")
        return "done"

    async def story() -> None:
        await replayed(changed, await waiting(charge_and_wait))
        await replayed(beyond, await ended(charge))
        assert ran == []

    play(story)


def test_an_open_step_of_what_is_in_flight_is_not_run_again() -> None:
    ran: list[str] = []
    stuck = asyncio.Event()

    async def body(ctx: perdure.Context) -> str:
        return str(await ctx.run("charge", stuck.wait))

    async def again(ctx: perdure.Context) -> str:
        await ctx.run("charge", ran.append, "charge")
        return "done"

    async def story() -> None:
        async with Recorder(perdure.Endpoint(Trials(body)), Execution()) as recorder:
            invocation_id = await recorder.node.router.submit(FIRST)
            while not look(recorder.node, invocation_id).journal:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            subject = await recorder.subject(invocation_id)
        assert await replayed(again, subject) == []
        assert ran == []

    play(story)


def test_a_replay_that_hangs_is_told_and_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PATIENCE_S", 0.3)

    async def hang(ctx: perdure.Context) -> str:
        if ctx.attempt == 7:
            await asyncio.Event().wait()
        return await charge(ctx)

    async def story() -> None:
        subject = await ended(charge)
        found = await replayed(hang, *[of_attempt(subject, number) for number in (1, 7, 2)])
        assert found == ["it did not come to the end of its journal within 0.3 s"]

    play(story)


def test_replays_run_side_by_side() -> None:
    met = asyncio.Barrier(3)

    async def meet(ctx: perdure.Context) -> str:
        await met.wait()
        return await charge(ctx)

    async def story() -> None:
        subject = await ended(charge)
        assert await replayed(meet, subject, subject, subject) == []

    play(story)


def of_attempt(subject: Subject, attempt: int) -> Subject:
    """The same subject, whose next attempt has this number."""
    return Subject(replace(subject.invocation, attempt=attempt), subject.journal)


def test_an_endpoint_that_is_not_there_is_unreachable() -> None:
    async def story() -> None:
        with pytest.raises(EndpointUnreachable, match="nobody listens"):
            await verify(FakeTransport(), Contracts(), [])

    play(story)


def test_an_endpoint_that_goes_away_is_unreachable() -> None:
    async def story() -> None:
        transport = FakeTransport()
        transport.up.set()
        subject = await ended(charge)
        contracts = Contracts.discovered(perdure.Endpoint(Trials(charge)).discovery())
        verified = asyncio.create_task(verify(transport, contracts, [subject, subject]))
        link: FakeLink = await transport.links.get()
        link.answer([EndpointFrame(slot=1, outcome=Outcome(value=b""))])
        link.broken.set_result("the process ended")
        with pytest.raises(EndpointUnreachable, match=f"while {subject.invocation.id} was replayed: the process ended"):
            await verified

    play(story)


def test_each_replay_is_aborted_when_it_has_said_what_it_has_to_say() -> None:
    async def story() -> None:
        transport = FakeTransport()
        transport.up.set()
        subject = await waiting(charge_and_wait)
        contracts = Contracts.discovered(perdure.Endpoint(Trials(charge)).discovery())
        verified = asyncio.create_task(verify(transport, contracts, [subject]))
        link: FakeLink = await transport.links.get()
        await asyncio.sleep(0)
        link.answer([EndpointFrame(slot=1, entry=subject.journal[0])])
        assert await verified == []
        assert [frame.WhichOneof("frame") for frame in link.sent] == ["start", "abort"]

    play(story)
