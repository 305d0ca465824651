"""Waiting for several results at once: the order in which a handler saw them is the order that a replay shows it."""

from datetime import timedelta

import perdure
import pytest
from conformance.v1 import CombinerClient, Several, Text, Waiting

from tests.conformance.stage import Stage

feature = pytest.mark.feature
SOON = timedelta(milliseconds=50)
LATE = timedelta(minutes=10)


def answered(stage: Stage, scene: str, *questions: str) -> None:
    """Answers questions, each with itself in capitals."""
    for question in questions:
        stage.answer(scene, question, question.upper())


def seen(stage: Stage, scene: str) -> list[str]:
    """What both attempts have seen."""
    return [line.removeprefix("seen ") for line in stage.lines(scene) if line.startswith("seen ")]


def several(scene: str, *texts: str) -> Several:
    """A request to wait for several."""
    return Several(scene=scene, texts=list(texts))


@feature("durable futures: gather")
def test_gather_gives_all_results_in_the_order_of_asking(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    gathering = CombinerClient(client).gather.send(several(scene, "a", "b", "c"))
    stage.wait_for(scene, 3)
    answered(stage, scene, "c", "b", "a")

    assert gathering.attach().texts == ["A", "B", "C"]
    assert seen(stage, scene) == ["A B C"] * 2


@feature("durable futures: gather")
def test_gather_raises_the_first_error(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    gathering = CombinerClient(client).gather.send(several(scene, "a", "b"))
    stage.wait_for(scene, 2)
    stage.answer(scene, "b", "!broken")

    # "a" is never answered.
    with pytest.raises(perdure.TerminalError, match="broken") as raised:
        gathering.attach()
    assert raised.value.code is perdure.StatusCode.ABORTED


@feature("durable futures: gather")
def test_asyncio_gather_works_too(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    gathering = CombinerClient(client).asyncio_gather.send(several(scene, "a", "b", "c"))
    stage.wait_for(scene, 3)
    answered(stage, scene, "c", "b", "a")

    assert gathering.attach().texts == ["A", "B", "C"]


@feature("durable futures: race and select")
def test_race_gives_the_first_result_and_a_replay_the_same(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    racing = CombinerClient(client).race.send(several(scene, "a", "b"))
    stage.wait_for(scene, 2)
    answered(stage, scene, "b")
    stage.wait_for_line(scene, "seen B")
    # The second attempt starts with both results.
    answered(stage, scene, "a")

    assert racing.attach().text == "B"
    assert seen(stage, scene) == ["B"] * 2


@feature("durable futures: race and select")
def test_race_raises_the_error_of_the_first(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    racing = CombinerClient(client).race.send(several(scene, "a", "b"))
    stage.wait_for(scene, 2)
    stage.answer(scene, "b", "!broken")

    with pytest.raises(perdure.TerminalError, match="broken"):
        racing.attach()


@feature("durable futures: race and select")
def test_select_names_the_first(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    selecting = CombinerClient(client).select.send(several(scene, "payment", "refusal"))
    stage.wait_for(scene, 2)
    answered(stage, scene, "refusal")

    assert selecting.attach().texts == ["refusal", "REFUSAL"]
    assert seen(stage, scene) == ["refusal REFUSAL"] * 2


@feature("durable futures: as_completed")
def test_as_completed_gives_results_as_they_come_and_a_replay_the_same(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    completing = CombinerClient(client).as_completed.send(several(scene, "a", "b", "c"))
    stage.wait_for(scene, 3)
    answered(stage, scene, "b", "c", "a")

    texts = completing.attach().texts
    assert sorted(texts) == ["A", "B", "C"]
    assert seen(stage, scene) == [" ".join(texts)] * 2


@feature("durable futures: wait")
def test_wait_gives_what_is_done_when_the_first_is(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    waiting = CombinerClient(client).wait.send(Waiting(scene=scene, texts=["a", "b", "c"], first=True))
    stage.wait_for(scene, 3)
    answered(stage, scene, "b")

    assert waiting.attach().numbers == [1, 2]
    assert seen(stage, scene) == ["1 2"] * 2


@feature("durable futures: wait")
def test_wait_without_a_timeout_waits_for_all(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    waiting = CombinerClient(client).wait.send(Waiting(scene=scene, texts=["a", "b"]))
    answered(stage, scene, "a")
    stage.answer(scene, "b", "!broken")

    assert waiting.attach().numbers == [2, 0]


@feature("durable futures: wait")
def test_wait_with_a_timeout_gives_what_is_done_by_then(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    answered(stage, scene, "a")

    # Time enough for the one that is answered.
    timeout = timedelta(milliseconds=500)

    numbers = CombinerClient(client).wait(Waiting(scene=scene, texts=["a", "b"], timeout=timeout)).numbers

    assert numbers == [1, 1]
    assert seen(stage, scene) == ["1 1"] * 2


@feature("durable futures: or_timeout")
def test_a_result_that_comes_in_time_is_given(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    answered(stage, scene, "a")

    assert CombinerClient(client).or_timeout(Waiting(scene=scene, texts=["a"], timeout=LATE)).text == "A"


@feature("durable futures: or_timeout")
def test_a_result_that_comes_too_late_is_not_seen_by_a_replay_either(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    waiting = CombinerClient(client).or_timeout.send(Waiting(scene=scene, texts=["a"], timeout=SOON))
    stage.wait_for_line(scene, "seen DEADLINE_EXCEEDED")
    answered(stage, scene, "a")

    assert waiting.attach().text == "DEADLINE_EXCEEDED"
    assert seen(stage, scene) == ["DEADLINE_EXCEEDED"] * 2


@feature("what asyncio cannot replay is refused by name")
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("wait", "perdure.wait"),
        ("as_completed", "perdure.as_completed"),
        ("wait_for", "perdure.or_timeout"),
        ("timeout", "perdure.or_timeout"),
    ],
)
def test_asyncio_functions_that_cannot_replay_name_the_right_one(
    client: perdure.SyncClient, wrong: str, right: str
) -> None:
    said = CombinerClient(client).misuse(Text(text=wrong)).text

    assert f"asyncio.{wrong}" in said
    assert right in said
