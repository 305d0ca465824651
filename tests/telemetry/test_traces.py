"""Traces from a caller through the ingress, handlers, calls and steps, whatever happens on the way."""

import asyncio
from datetime import timedelta

import perdure
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from perdure.errors import TerminalError
from perdure.retry import RetryPolicy
from trial.v1 import AddRequest, CounterClient, Text, TrialClient

from tests.ingress.http_caller import JSON, connected
from tests.telemetry.town import ended_spans, id_of, parent_of, play, said, town, trace_of, traces_of
from tests.testing.handlers import Counting, Does

FIRST, SECOND = "trial.v1.Trial/First", "trial.v1.Trial/Second"
USERS = trace.get_tracer("a program of users")
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def charge() -> str:
    """A step whose own code is traced."""
    with USERS.start_as_current_span("card terminal"):
        return "charged"


async def pay(ctx: perdure.Context, text: str) -> str:
    """Charges, and lets another handler go on."""
    await ctx.run("charge", charge)
    return (await TrialClient(ctx).second(Text(text=text))).text


async def ship(ctx: perdure.Context, text: str) -> str:
    """Does one step in a thread."""
    return await ctx.run("ship", lambda: f"shipped {text}")


def test_a_trace_goes_from_the_caller_through_the_ingress_handlers_calls_and_steps() -> None:
    async def story() -> None:
        async with town(Does(pay, ship), traced=True) as here:
            with USERS.start_as_current_span("checkout"):
                await TrialClient(here.client).first(Text(text="x"))
        spans = ended_spans()
        checkout, entry = spans.one("checkout"), spans.one(FIRST)
        first, second = spans.one(f"invocation {FIRST}"), spans.one(f"invocation {SECOND}")
        of_first, of_second = spans.one(f"attempt {FIRST}"), spans.one(f"attempt {SECOND}")
        step = spans.one("step charge")

        assert parent_of(entry) == id_of(checkout)
        assert parent_of(first) == id_of(entry)
        assert parent_of(of_first) == id_of(first)
        assert parent_of(step) == id_of(of_first)
        assert parent_of(spans.one("card terminal")) == id_of(step)
        assert parent_of(second) == id_of(first)
        assert parent_of(of_second) == id_of(second)
        assert parent_of(spans.one("step ship")) == id_of(of_second)
        assert traces_of(spans) == {trace_of(checkout)}

    play(story)


def test_an_invocation_whose_attempt_is_lost_is_one_span_and_its_replay_makes_none_again() -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        begun.set()
        await may_end.wait()

    async def body(ctx: perdure.Context, text: str) -> str:
        with USERS.start_as_current_span("thinking"):
            await ctx.run("one", charge)
        await ctx.run("two", wait)
        return text

    async def story() -> None:
        async with town(Does(body), traced=True) as here:
            calling = asyncio.ensure_future(TrialClient(here.client).first(Text(text="x")))
            await begun.wait()
            begun.clear()
            await here.break_session()
            await begun.wait()
            may_end.set()
            await calling
        spans = ended_spans()
        invocation = spans.one(f"invocation {FIRST}")
        attempts = spans.all(f"attempt {FIRST}")

        assert [parent_of(attempt) for attempt in attempts] == [id_of(invocation)] * 2
        numbers = [int(said(attempt, "perdure.attempt")) for attempt in attempts]
        assert numbers == sorted(set(numbers))
        # The step that was cut off, and the one that was done; what was over before is not made again.
        assert [parent_of(step) for step in spans.all("step two")] == [id_of(attempt) for attempt in attempts]
        assert spans.all("step two")[0].status.status_code is StatusCode.ERROR
        assert len(spans.all("step one")) == len(spans.all("thinking")) == 1
        assert said(invocation, "perdure.attempts") == numbers[-1]

    play(story)


def test_what_a_send_starts_is_a_trace_of_its_own_that_is_linked_to_its_sender() -> None:
    async def notify(ctx: perdure.Context, text: str) -> str:
        handle = await TrialClient(ctx).second.send(Text(text=text))
        return (await handle.attach()).text

    async def story() -> None:
        async with town(Does(notify, ship), traced=True) as here:
            await TrialClient(here.client).first(Text(text="x"))
        spans = ended_spans()
        sender, sent = spans.one(f"invocation {FIRST}"), spans.one(f"invocation {SECOND}")

        assert parent_of(sent) is None
        assert trace_of(sent) != trace_of(sender)
        assert [(link.context.trace_id, link.context.span_id) for link in sent.links] == [
            (trace_of(sender), id_of(sender))
        ]
        assert parent_of(spans.one(f"attempt {SECOND}")) == id_of(sent)

    play(story)


def test_the_trace_of_a_json_caller_goes_on() -> None:
    async def story() -> None:
        async with town(Does(ship), traced=True) as here, connected(here.port) as caller:
            answer = await caller.ask(f"/{FIRST}", b"{}", {**JSON, "traceparent": CALLER})
        entry = ended_spans().one(FIRST)

        assert answer.status == 200
        assert f"{trace_of(entry):032x}" == CALLER[3:35]
        assert f"{parent_of(entry):016x}" == CALLER[36:52]
        assert said(entry, "perdure.invocation_id") == answer.headers["perdure-invocation-id"]

    play(story)


def test_a_caller_whose_trace_is_not_kept_leaves_no_spans() -> None:
    async def story() -> None:
        async with town(Does(pay, ship), traced=True) as here:
            await TrialClient(here.client).first(Text(text="x"), headers={"traceparent": CALLER[:-1] + "0"})

        assert ended_spans() == []

    play(story)


def test_errors_stand_in_the_spans_of_step_attempt_invocation_and_call() -> None:
    async def decline() -> None:
        raise TerminalError("card declined")

    async def body(ctx: perdure.Context, text: str) -> str:
        await ctx.run("charge", decline)
        return text

    async def story() -> None:
        async with town(Does(body), traced=True) as here:
            await asyncio.gather(TrialClient(here.client).first(Text()), return_exceptions=True)
        spans = ended_spans()
        names = ("step charge", f"attempt {FIRST}", f"invocation {FIRST}", FIRST)

        assert {name: spans.one(name).status.description for name in names} == dict.fromkeys(names, "card declined")

    play(story)


def test_tries_of_a_step_are_events_of_its_one_span() -> None:
    tries: list[int] = []

    async def flaky() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("no answer")

    async def body(ctx: perdure.Context, text: str) -> str:
        await ctx.run("ask", flaky, retry=RetryPolicy(initial_interval=timedelta(milliseconds=1)))
        return text

    async def story() -> None:
        async with town(Does(body), traced=True) as here:
            await TrialClient(here.client).first(Text())
        step = ended_spans().one("step ask")

        assert [event.name for event in step.events] == ["perdure.step.failed"] * 2
        assert step.status.status_code is StatusCode.UNSET

    play(story)


def test_a_handler_that_nobody_traces_sees_and_hands_on_no_headers() -> None:
    async def body(ctx: perdure.Context, text: str) -> str:
        return " ".join(ctx.headers)

    async def call(ctx: perdure.Context, text: str) -> str:
        return (await TrialClient(ctx).second(Text())).text

    async def story() -> None:
        async with town(Does(call, body)) as here:
            answer = await TrialClient(here.client).first(Text())

        assert answer.text == ""

    play(story)


def test_baggage_reaches_who_is_called_and_the_code_of_steps() -> None:
    async def body(ctx: perdure.Context, text: str) -> str:
        return ctx.headers["baggage"]

    async def call(ctx: perdure.Context, text: str) -> str:
        return (await TrialClient(ctx).second(Text())).text

    async def story() -> None:
        async with town(Does(call, body), traced=True) as here:
            headers = {"traceparent": CALLER, "baggage": "tenant=blue"}
            answer = await TrialClient(here.client).first(Text(), headers=headers)

        assert answer.text == "tenant=blue"

    play(story)


def test_the_span_of_an_object_has_its_key() -> None:
    async def story() -> None:
        async with town(Counting(), traced=True) as here:
            await CounterClient(here.client, "red").add(AddRequest())
        invocation = ended_spans().one("invocation trial.v1.Counter/Add")

        assert said(invocation, "perdure.key") == "red"

    play(story)


def test_a_restart_repeats_the_calls_of_a_trace_that_is_another_one_now() -> None:
    async def call(ctx: perdure.Context, text: str) -> str:
        answer = await TrialClient(ctx).second(Text(text=text))
        handle = await TrialClient(ctx).second.send(Text(text="later"))
        await handle.attach()
        await ctx.run("last", charge)
        return answer.text

    async def story() -> None:
        async with town(Does(call), traced=True) as here:
            handle = await TrialClient(here.client).first.send(Text(text="x"))
            await handle.attach()
            # All but the last command, whose completion is the last entry.
            last = len(here.node.loop.journal(handle.invocation_id)) - 2
            restarted = await here.node.router.restart(handle.invocation_id, last)
            answer = await here.client.handle(restarted, Text).attach()
        first, second = ended_spans().all(f"invocation {FIRST}")

        assert answer.text == "x"
        assert id_of(first) != id_of(second)
        assert len(ended_spans().all(f"invocation {SECOND}")) == 2, "its calls stand in the journal"

    play(story)
