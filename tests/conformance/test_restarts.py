"""Processes die: what was acknowledged is there when they come back, and no step that is done runs again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import perdure
import pytest
from conformance.v1 import (
    AwakenerClient,
    CancellableClient,
    Contents,
    CupboardClient,
    DiaryClient,
    Errand,
    Key,
    KeyText,
    Obedience,
    SignupClient,
    StepsClient,
    Text,
    Texts,
    WayToWait,
    WriterClient,
)

from examples.demo.processes import Service
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature


@pytest.fixture
def runtime(town: Town) -> Service:
    """The process of the runtime."""
    if town.runtime is None:
        pytest.skip("the runtime is not ours to kill: --target names one that somebody else runs")
    return town.runtime


def restart(*processes: Service) -> None:
    """Kills processes without a warning, and starts them again."""
    for process in processes:
        process.kill()
    for process in processes:
        process.start()


@feature("the runtime may die anywhere")
def test_state_and_results_outlive_the_runtime(client: perdure.SyncClient, runtime: Service, scene: str) -> None:
    CupboardClient(client, scene).put(Contents(text="kept"))
    sent = DiaryClient(client, scene).append.send(KeyText(text="line"), idempotency_key=scene)
    sent.attach()

    restart(runtime)

    assert CupboardClient(client, scene).take(Key()).text == "kept"
    assert sent.output() == Texts(texts=["line"])
    assert DiaryClient(client, scene).append(KeyText(text="line"), idempotency_key=scene).texts == ["line"]


@feature("the runtime may die anywhere")
def test_what_waits_goes_on_when_the_runtime_is_back(
    client: perdure.SyncClient, runtime: Service, stage: Stage, scene: str
) -> None:
    waiting = AwakenerClient(client).wait.send(Text(text=scene))
    (awakeable_id,) = stage.wait_for(scene)
    workflow = SignupClient(client, f"{scene}-w").run.send(KeyText(text="ada"))
    stage.wait_for_line(f"{scene}-w", "run ada")
    (late,) = WriterClient(client).send_later(Errand(f"{scene}-d", ["late"], timedelta(milliseconds=500))).texts

    restart(runtime)

    client.resolve_awakeable(awakeable_id, Text(text="awake"))
    SignupClient(client, f"{scene}-w").verify(KeyText(text="ok"))
    assert waiting.attach().text == "awake"
    assert workflow.attach().text == "ada ok"
    assert client.handle(late, Texts).attach().texts == ["late"]


@feature("the result of a step is durable before the next step starts")
def test_a_step_that_is_done_keeps_its_result_when_the_runtime_dies_in_the_next(
    client: perdure.SyncClient, runtime: Service, stage: Stage, scene: str
) -> None:
    sent = StepsClient(client).chance_then_wait.send(Text(text=scene))
    drawn, _ = stage.wait_for(scene, 2)

    restart(runtime)
    stage.answer_always(scene, "wait", "")

    assert sent.attach().text == drawn
    assert stage.lines(scene).count(drawn) == 1


@feature("the endpoint may die anywhere")
def test_a_step_that_is_done_keeps_its_result_when_the_endpoint_dies_in_the_next(
    client: perdure.SyncClient, town: Town, stage: Stage, scene: str
) -> None:
    sent = StepsClient(client).chance_then_wait.send(Text(text=scene))
    drawn, _ = stage.wait_for(scene, 2)

    restart(town.endpoint)
    stage.answer_always(scene, "wait", "")

    assert sent.attach().text == drawn
    assert stage.lines(scene).count(drawn) == 1


@feature("the endpoint may die anywhere")
def test_failures_of_a_step_before_a_crash_count(
    client: perdure.SyncClient, town: Town, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "how?", "badly", "badly")
    obeying = StepsClient(client).obey.send(Obedience(scene=scene, max_attempts=3))
    # The third try is under way when the process dies: that one is no failure, and comes again.
    stage.wait_for_line(scene, "how?", times=3)

    restart(town.endpoint)
    stage.answer_always(scene, "how?", "worse")

    assert "worse" in obeying.attach().text
    # Forgetting them would make it six. What was not durable yet may go where the runtime dies too.
    assert 4 <= len(stage.lines(scene)) <= 5


@feature("the endpoint may die anywhere")
@feature("compensations run after a cancellation")
def test_a_handler_that_undoes_its_work_goes_on_with_that(
    client: perdure.SyncClient, town: Town, stage: Stage, scene: str
) -> None:
    handle = CancellableClient(client).wait.send(WayToWait(scene=scene, way="sleep"))
    stage.wait_for_line(scene, "begin")
    handle.cancel()
    stage.wait_for_line(scene, "undo?")

    restart(town.endpoint)
    stage.answer(scene, "undo?", "undone")

    assert handle.attach().text == "CANCELLED undone"
    assert stage.lines(scene) == ["begin", "undo?", "undo?"]


@feature("the endpoint may die anywhere")
def test_calls_wait_for_an_endpoint_that_is_away(client: perdure.SyncClient, town: Town, scene: str) -> None:
    if town.runtime is town.endpoint:
        pytest.skip("in the shape dev runtime and endpoint are one process")
    town.endpoint.kill()
    with ThreadPoolExecutor() as callers:
        calling = callers.submit(DiaryClient(client, scene).append, KeyText(text="patient"))
        town.endpoint.start()

        assert calling.result().texts == ["patient"]
