"""Steps: a side effect runs once, its result is kept, and its failures are tried again as somebody said."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import perdure
import pytest
from conformance.v1 import Obedience, Span, StepsClient, Text, Texts

from tests.conformance.stage import Stage

feature = pytest.mark.feature


@feature("a step runs once and its result is replayed")
def test_a_step_that_is_done_does_not_run_again(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    answer = StepsClient(client).once(Text(text=scene))

    assert answer.text == "by attempt 1, seen by attempt 2"
    assert stage.lines(scene) == ["step"]


@feature("the result of a step is typed")
def test_a_result_comes_back_as_the_type_that_the_function_gave(client: perdure.SyncClient) -> None:
    answer = StepsClient(client).every_type(Text())

    assert answer.texts == [
        "NoneType None",
        "bool True",
        f"int {2**70}",
        "float 0.1",
        "str 'tea ☕'",
        r"bytes b'\xff\x00'",
        "Text Text(text='message')",
        "Size Size.LARGE",
        "datetime datetime.datetime(2026, 5, 4, 3, 2, 1, 600, tzinfo=datetime.timezone.utc)",
        "date datetime.date(2026, 5, 4)",
        "timedelta datetime.timedelta(days=1, microseconds=1)",
        "UUID UUID('00000000-0000-0000-0000-000000000007')",
        "Decimal Decimal('0.10')",
        "list [Decimal('1.5'), Decimal('2')]",
        "tuple (1, 'one')",
        "dict {'odd': [1, 3]}",
        "Point Point(x=1, y=2)",
    ]


@feature("a terminal error ends a step")
def test_a_step_that_ends_with_a_terminal_error_is_not_tried_again(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "how?", "terminal")

    answer = StepsClient(client).obey(Obedience(scene=scene, max_attempts=5))

    assert answer.text == "OUT_OF_RANGE: told to ['by the stage']"
    assert stage.lines(scene) == ["how?"]


@feature("a step without a policy is retried as its handler is")
def test_a_step_without_a_policy_is_tried_until_it_succeeds(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "how?", "badly", "badly", "ok")

    assert StepsClient(client).obey(Obedience(scene=scene)).text == "ok"
    assert stage.lines(scene) == ["how?"] * 3


@feature("the retry policy of a step: max attempts")
def test_a_step_ends_with_a_terminal_error_after_its_last_attempt(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer_always(scene, "how?", "badly")

    answer = StepsClient(client).obey(Obedience(scene=scene, max_attempts=3))

    assert "badly" in answer.text
    assert stage.lines(scene) == ["how?"] * 3


@feature("the retry policy of a step: max attempts")
def test_a_step_that_succeeds_in_its_last_attempt_has_succeeded(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "how?", "badly", "badly", "ok")

    assert StepsClient(client).obey(Obedience(scene=scene, max_attempts=3)).text == "ok"


@feature("the retry policy of a step: max duration")
def test_a_step_ends_with_a_terminal_error_when_its_time_is_over(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer_always(scene, "how?", "badly")
    policy = Obedience(
        scene=scene, max_duration=timedelta(milliseconds=200), initial_interval=timedelta(milliseconds=20)
    )

    answer = StepsClient(client).obey(policy)

    assert "badly" in answer.text
    assert 1 < len(stage.lines(scene)) <= 11


@feature("the retry policy of a step: initial interval, factor and max interval")
def test_the_waits_of_a_step_grow_by_the_factor_up_to_the_longest(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer_always(scene, "how?", "badly")
    policy = Obedience(
        scene=scene,
        max_attempts=5,
        initial_interval=timedelta(milliseconds=20),
        factor=2,
        max_interval=timedelta(milliseconds=60),
    )
    began = time.monotonic()

    StepsClient(client).obey(policy)

    # 20, 40, 60 and again 60; without a longest wait the last would be 160.
    assert time.monotonic() - began >= 0.18


@feature("sync functions run in threads")
def test_a_sync_function_leaves_the_loop_to_others(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    with ThreadPoolExecutor() as callers:
        waiting = callers.submit(StepsClient(client).blocking, Text(text=scene))
        stage.wait_for(scene)
        # The same process answers others meanwhile.
        other = f"{scene}-other"
        assert StepsClient(client).once(Text(text=other)).text == "by attempt 1, seen by attempt 2"
        stage.answer(scene, "well?", "well")

        assert waiting.result().text == "well beside the loop"


@feature("operations of a handler run at once")
def test_steps_run_beside_one_another(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    with ThreadPoolExecutor() as callers:
        waiting = callers.submit(StepsClient(client).beside, Texts(texts=[scene, "a", "b", "c"]))
        # All three are there before one of them is answered.
        assert sorted(stage.wait_for(scene, 3)) == ["a", "b", "c"]
        for question in ("c", "a", "b"):
            stage.answer(scene, question, question.upper())

        assert waiting.result().texts == ["A", "B", "C"]


@feature("deterministic random, uuid4 and now")
def test_time_and_chance_are_the_same_in_every_attempt(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    StepsClient(client).time_and_chance(Text(text=scene))

    first, second = (line.split() for line in stage.lines(scene))
    assert first == second
    assert len(set(first)) == 7, "each draw is another"


@feature("deterministic random, uuid4 and now")
def test_two_invocations_draw_differently(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    for name in (f"{scene}-1", f"{scene}-2"):
        StepsClient(client).time_and_chance(Text(text=name))

    one, other = (stage.lines(f"{scene}-{number}")[0].split() for number in (1, 2))
    assert not set(one) & set(other)


@feature("deterministic random, uuid4 and now")
def test_the_clock_of_a_handler_moves_with_what_it_has_seen(client: perdure.SyncClient) -> None:
    nap = timedelta(milliseconds=30)

    moments = [datetime.fromisoformat(text) for text in StepsClient(client).clock(Span(duration=nap)).texts]

    assert moments[1] - moments[0] >= nap
    assert moments[2] - moments[1] >= nap
