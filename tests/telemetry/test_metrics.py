"""The numbers of a node, as Prometheus reads them after real calls."""

import asyncio

import perdure
import pytest
from perdure.errors import StatusCode, TerminalError
from perdure.retry import RetryPolicy
from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.catalogue import CATALOGUE, Kind
from perdure_runtime.telemetry.exposition import render
from perdure_runtime.telemetry.histogram import Histogram
from perdure_runtime.telemetry.metrics import Metrics, families
from perdure_runtime.telemetry.tallies import MOST, HandlerTallies, Reading, SessionTally, Tallies
from trial.v1 import Text, TrialClient

from tests.ingress.http_caller import connected
from tests.telemetry.town import play, town
from tests.testing.handlers import Does, sleep_a_month

FIRST = {"service": "trial.v1.Trial", "handler": "First"}
SECOND = {"service": "trial.v1.Trial", "handler": "Second"}


def test_calls_count_where_they_are_accepted_and_where_they_end() -> None:
    async def body(ctx: perdure.Context, text: str) -> str:
        if text:
            raise TerminalError(text, StatusCode.CANCELLED if text == "cancelled" else StatusCode.NOT_FOUND)
        return text

    async def story() -> None:
        async with town(Does(body)) as here:
            calls = [TrialClient(here.client).first(Text(text=text)) for text in ("", "", "gone", "cancelled")]
            await asyncio.gather(*calls, return_exceptions=True)
            scrape = await here.scrape()

        assert scrape("perdure_invocations_accepted_total", **FIRST) == 4
        assert scrape("perdure_invocations_ended_total", outcome="succeeded", **FIRST) == 2
        assert scrape("perdure_invocations_ended_total", outcome="failed", **FIRST) == 1
        assert scrape("perdure_invocations_ended_total", outcome="cancelled", **FIRST) == 1
        assert scrape("perdure_invocation_seconds_count", **FIRST) == 4
        assert scrape("perdure_invocation_seconds_bucket", le="+Inf", **FIRST) == 4
        assert scrape("perdure_attempts_total", **FIRST) == 4

    play(story)


def test_calls_of_handlers_count_as_those_of_callers_do() -> None:
    async def call(ctx: perdure.Context, text: str) -> str:
        return (await TrialClient(ctx).second(Text())).text

    async def story() -> None:
        async with town(Does(call)) as here:
            await TrialClient(here.client).first(Text())
            scrape = await here.scrape()

        assert scrape("perdure_invocations_accepted_total", **SECOND) == 1
        assert scrape("perdure_invocations_ended_total", outcome="succeeded", **SECOND) == 1

    play(story)


def test_a_call_that_its_key_makes_an_older_one_is_accepted_once() -> None:
    async def story() -> None:
        async with town(Does()) as here:
            for _ in range(3):
                await TrialClient(here.client).first(Text(), idempotency_key="k")
            scrape = await here.scrape()

        assert scrape("perdure_invocations_accepted_total", **FIRST) == 1
        assert scrape("perdure_invocation_seconds_count", **FIRST) == 1
        assert scrape("perdure_ingress_requests_total", protocol="grpc", code="OK") == 3

    play(story)


def test_failed_attempts_steps_and_their_failures_count() -> None:
    failures: list[str] = []

    def fail_once(what: str) -> None:
        if what not in failures:
            failures.append(what)
            raise RuntimeError(what)

    async def body(ctx: perdure.Context, text: str) -> str:
        await ctx.run("one", fail_once, "step", retry=RetryPolicy())
        fail_once("handler")
        return text

    async def story() -> None:
        async with town(Does(body)) as here:
            await TrialClient(here.client).first(Text())
            scrape = await here.scrape()

        assert scrape("perdure_attempts_failed_total", **FIRST) == 1
        assert scrape("perdure_attempts_total", **FIRST) == 2
        assert scrape("perdure_steps_failed_total", **FIRST) == 1
        assert scrape("perdure_steps_total", **FIRST) == 1

    play(story)


def test_a_broken_session_and_the_attempts_that_it_loses_count() -> None:
    begun = asyncio.Event()
    may_end = asyncio.Event()

    async def wait() -> None:
        begun.set()
        await may_end.wait()

    async def body(ctx: perdure.Context, text: str) -> str:
        await ctx.run("wait", wait)
        return text

    async def story() -> None:
        async with town(Does(body)) as here:
            calling = asyncio.ensure_future(TrialClient(here.client).first(Text()))
            await begun.wait()
            before = await here.scrape()
            begun.clear()
            await here.break_session()
            await begun.wait()
            may_end.set()
            await calling
            after = await here.scrape()

        address = {"address": "in process"}
        assert before("perdure_attempts_running") == 1
        assert before("perdure_ingress_calls", protocol="grpc") == 1
        assert before("perdure_endpoint_sessions_broken_total", **address) == 0
        assert after("perdure_attempts_running") == 0
        assert after("perdure_ingress_calls", protocol="grpc") == 0
        assert after("perdure_attempts_lost_total", **FIRST) == 1
        assert after("perdure_endpoint_sessions", **address) == 1
        assert after("perdure_endpoint_sessions_opened_total", **address) == 2
        assert after("perdure_endpoint_sessions_broken_total", **address) == 1

    play(story)


def test_a_handler_that_leaves_memory_counts_as_suspended() -> None:
    async def story() -> None:
        async with town(Does(sleep_a_month)) as here:
            handle = await TrialClient(here.client).first.send(Text())
            scrape = await here.scrape()
            while not scrape("perdure_suspensions_total", **FIRST):
                await asyncio.sleep(0)
                scrape = await here.scrape()

        assert handle.invocation_id
        assert scrape("perdure_attempts_running") == 0

    play(story)


def test_answers_count_by_their_status() -> None:
    async def story() -> None:
        async with town(Does()) as here, connected(here.port) as caller:
            await caller.ask("/trial.v1.Trial/First", b"{}")
            await caller.ask("/trial.v1.Trial/First", b"no json")
            await caller.ask("/nothing/there", b"{}")
            scrape = await here.scrape()

        assert scrape("perdure_ingress_requests_total", protocol="http", code="200") == 1
        assert scrape("perdure_ingress_requests_total", protocol="http", code="400") == 1
        assert scrape("perdure_ingress_requests_total", protocol="http", code="404") == 1
        assert scrape("perdure_ingress_calls", protocol="http") == 0
        assert scrape("perdure_ingress_connections") == 1

    play(story)


def test_commits_count_with_what_they_made_durable() -> None:
    async def story() -> None:
        async with town(Does()) as here:
            await TrialClient(here.client).first(Text())
            scrape = await here.scrape()

        share = {"share": "0"}
        commits = scrape("perdure_commits_total", **share)
        assert commits >= 1
        assert scrape("perdure_commit_seconds_count", **share) == commits
        assert scrape("perdure_commit_inputs_sum", **share) == scrape("perdure_loop_inputs_total", **share)
        assert scrape("perdure_partitions_owned", **share) == 1
        assert scrape("perdure_storage_failures_total", **share) == 0

    play(story)


def test_every_metric_is_shown_with_its_help_and_those_of_the_process_too() -> None:
    async def story() -> None:
        async with town(Does()) as here:
            scrape = await here.scrape()

        assert scrape.status == 200
        for metric in CATALOGUE:
            assert f"# HELP {metric.name} {metric.words}" in scrape.text
            assert f"# TYPE {metric.name} {metric.kind.value}" in scrape.text
        assert scrape("process_resident_memory_bytes") > 0

    play(story)


def test_names_say_their_unit_and_what_they_count() -> None:
    for metric in CATALOGUE:
        assert metric.name.startswith("perdure_")
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert metric.words.endswith(".")
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)


def test_names_beyond_the_most_share_a_tally() -> None:
    tallies: Tallies[list[int]] = Tallies(lambda: [0])
    for number in range(MOST + 5):
        tallies.of(str(number))[0] += 1

    assert tallies.of("other")[0] == 5
    assert tallies.of("0")[0] == 1
    assert len(list(tallies)) == MOST + 1


def test_a_new_handler_begins_at_nothing() -> None:
    tally = HandlerTallies().of("shop.v1.Orders", "Process")

    assert [reading.value for reading in tally.readings(("a", "b")) if isinstance(reading.value, int)] == [0] * 10


def test_a_scraper_that_asks_for_openmetrics_gets_it() -> None:
    text, content_type = render(Metrics().readings(), "application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert text.endswith(b"# EOF\n")


def test_a_program_that_embeds_a_node_reads_the_same_by_a_registry() -> None:
    metrics = Metrics()
    metrics.handlers.of("trial.v1.Trial", "First").accepted += 3

    assert metrics.registry.get_sample_value("perdure_invocations_accepted_total", FIRST) == 3


def test_a_number_of_the_wrong_sort_is_refused() -> None:
    with pytest.raises(TypeError, match="perdure_peers is a gauge"):
        families([Reading(catalogue.PEERS, Histogram((1.0,)))])


def test_only_processes_that_are_wanted_are_missed() -> None:
    tally = SessionTally()
    assert catalogue.SESSIONS not in {reading.metric for reading in tally.readings(("here",))}

    tally.is_wanted = True
    assert Reading(catalogue.SESSIONS, False, ("here",)) in list(tally.readings(("here",)))


def test_subscriptions_and_queries_count() -> None:
    metrics = Metrics()
    metrics.sources.delivered("orders", 2)
    metrics.sources.lag("orders", "0", 7)
    metrics.queries.observe("ok", 0.25)
    readings = metrics.readings()

    assert Reading(catalogue.SOURCE_DELIVERED, 2, ("orders",)) in readings
    assert Reading(catalogue.SOURCE_LAG, 7, ("orders", "0")) in readings
    assert Reading(catalogue.QUERIES, 1, ("ok",)) in readings
