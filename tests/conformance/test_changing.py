"""Code that does not replay its journal: the invocation pauses, shows both sides, and loses nothing."""

import perdure
import pytest
from conformance.v1 import ChangingClient, Text

from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage

feature = pytest.mark.feature


def changed(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str, before: str, after: str
) -> perdure.BlockingInvocationHandle[Text]:
    """An invocation that one version of the code began, and another one replays."""
    handle = ChangingClient(client).run.send(Text(text=scene))
    stage.answer(scene, "version?", before, after)
    stage.wait_for_line(scene, "second")
    # Stopped and started again, it replays what it has.
    operator.pause(handle.invocation_id)
    operator.wait_for_status(handle.invocation_id, "paused")
    operator.resume(handle.invocation_id)
    stage.wait_for_line(scene, "version?", times=2)
    return handle


@feature("non-determinism detection")
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("step", "sleep", ("run 'first'", "sleep")),
        ("step", "renamed step", ("run 'first'", "run 'renamed'")),
        ("step", "nothing", ("run 'first'",)),
        ("call", "call of another handler", ("Diary/Append", "Lock/Hold")),
        ("call", "call of another key", ("left", "right")),
        ("call", "message", ("call", "send")),
    ],
    ids=str,
)
def test_a_handler_that_changed_pauses_and_shows_both_sides(
    client: perdure.SyncClient,
    operator: Operator,
    stage: Stage,
    scene: str,
    before: str,
    after: str,
    words: tuple[str, ...],
) -> None:
    handle = changed(client, operator, stage, scene, before, after)

    paused = operator.wait_for_status(handle.invocation_id, "paused")

    assert all(word in paused.last_error for word in words), paused.last_error
    assert handle.output() is None


@feature("non-determinism detection")
def test_a_handler_that_is_repaired_goes_on_where_it_was(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    handle = changed(client, operator, stage, scene, "step", "sleep")
    operator.wait_for_status(handle.invocation_id, "paused")

    stage.answer(scene, "version?", "step")
    operator.resume(handle.invocation_id)
    stage.answer(scene, "second", "done")

    assert handle.attach().text == "done"
    assert stage.lines(scene).count("first") == 1
