"""Suspension: who only waits leaves memory, and who says nothing for too long is tried again."""

from datetime import timedelta

import perdure
import pytest
from conformance.v1 import PatientClient, Span, Text

from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage

feature = pytest.mark.feature


@feature("suspension and the inactivity timeout")
def test_a_handler_that_only_waits_is_suspended_and_goes_on_when_its_result_is_there(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    waiting = PatientClient(client).wait.send(Text(text=scene))
    operator.wait_for_status(waiting.invocation_id, "suspended")

    waiting.signal("go", Text(text="gone on"))

    assert waiting.attach().text == "gone on"
    # The code of the handler has run again from its beginning: nothing of it was kept in memory.
    assert stage.lines(scene) == ["attempt 1", "attempt 2"]


@feature("suspension and the inactivity timeout")
def test_a_handler_that_sleeps_long_is_suspended_and_wakes_in_time(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    slept = PatientClient(client).sleep(Span(scene=scene, duration=timedelta(milliseconds=300)))

    assert slept.number == 2
    assert stage.lines(scene) == ["attempt 1", "attempt 2"]


@feature("the abort timeout")
def test_a_handler_that_hangs_is_aborted_and_tried_again(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    number = PatientClient(client).hang(Text(text=scene)).number

    # On a slow machine an attempt may be aborted before it tells, and the second one too.
    assert number >= 2
    assert stage.lines(scene)[-1] == f"attempt {number}"
