"""Sagas: what was done is undone, newest first, by any terminal error that leaves the block."""

import perdure
import pytest
from conformance.v1 import CancellableClient, Text

from tests.conformance.stage import Stage

feature = pytest.mark.feature


@feature("sagas with compensations")
def test_a_saga_that_ends_well_undoes_nothing(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    for step in ("one", "two", "three"):
        stage.answer(scene, step, "ok")

    assert CancellableClient(client).saga_of_steps(Text(text=scene)).text == "all done"
    assert stage.lines(scene) == ["one", "two", "three"]


@feature("sagas with compensations")
def test_a_terminal_error_undoes_the_newest_first_and_goes_on(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    stage.answer(scene, "one", "ok")
    stage.answer(scene, "two", "sold out")

    with pytest.raises(perdure.TerminalError, match="sold out") as raised:
        CancellableClient(client).saga_of_steps(Text(text=scene))

    assert raised.value.code is perdure.StatusCode.FAILED_PRECONDITION
    assert stage.lines(scene) == ["one", "two", "undo two", "undo one"]


@feature("sagas with compensations")
def test_a_cancellation_undoes_a_saga(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = CancellableClient(client).saga.send(Text(text=scene))
    stage.wait_for_line(scene, "both are done")

    handle.cancel()

    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is perdure.StatusCode.CANCELLED
    assert stage.lines(scene) == ["book", "pay", "both are done", "refund", "unbook"]
