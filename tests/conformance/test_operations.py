"""What operators do with single invocations: look, pause, resume, restart as new or from an entry."""

import perdure
import pytest
from conformance.v1 import FactsClient, Nothing, RoutineClient, Text, Texts
from perdure_runtime.admin.client import AdminRefused

from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature


def answered(stage: Stage, scene: str, **answers: str) -> None:
    """Answers steps of a routine."""
    for name, answer in answers.items():
        stage.answer(scene, name, answer)


def ended(client: perdure.SyncClient, stage: Stage, scene: str) -> perdure.BlockingInvocationHandle[Texts]:
    """A routine that has ended with one, two and three."""
    answered(stage, scene, one="1", two="2", three="3")
    handle = RoutineClient(client).run.send(Text(text=scene))
    assert handle.attach().texts == ["1", "2", "3"]
    return handle


@feature("an operator looks at an invocation and its journal")
def test_an_invocation_that_runs_shows_its_journal(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    answered(stage, scene, one="1")
    handle = RoutineClient(client).run.send(Text(text=scene))
    stage.wait_for_line(scene, "two")

    shown = operator.invocation(handle.invocation_id)

    assert (shown.service, shown.handler, shown.status, shown.attempt) == (
        "conformance.v1.Routine",
        "Run",
        "running",
        1,
    )
    assert "run 'one'" in operator.journal(handle.invocation_id)


@feature("an operator looks at an invocation and its journal")
def test_the_command_of_operators_shows_an_invocation(
    client: perdure.SyncClient, town: Town, stage: Stage, scene: str
) -> None:
    handle = ended(client, stage, scene)

    ran = town.command("invocations", "show", handle.invocation_id)

    assert ran.returncode == 0, ran.stderr
    assert "conformance.v1.Routine/Run" in ran.stdout
    assert "ended" in ran.stdout


@feature("pause and resume")
def test_a_paused_invocation_stands_still_and_goes_on_when_it_is_resumed(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    answered(stage, scene, one="1")
    handle = RoutineClient(client).run.send(Text(text=scene))
    stage.wait_for_line(scene, "two")

    operator.pause(handle.invocation_id)
    operator.wait_for_status(handle.invocation_id, "paused")
    assert handle.output() is None

    operator.resume(handle.invocation_id)
    stage.wait_for_line(scene, "two", times=2)
    answered(stage, scene, two="2", three="3")
    assert handle.attach().texts == ["1", "2", "3"]
    assert stage.lines(scene).count("one") == 1


@feature("pause and resume")
def test_the_command_of_operators_pauses(
    client: perdure.SyncClient, operator: Operator, town: Town, stage: Stage, scene: str
) -> None:
    handle = RoutineClient(client).run.send(Text(text=scene))
    stage.wait_for_line(scene, "one")

    ran = town.command("invocations", "pause", handle.invocation_id)

    assert ran.returncode == 0, ran.stderr
    operator.wait_for_status(handle.invocation_id, "paused")


@feature("pause and resume")
def test_what_is_not_paused_is_not_resumed(client: perdure.SyncClient, operator: Operator) -> None:
    handle = FactsClient(client).tell.send(Nothing())
    handle.attach()

    with pytest.raises(AdminRefused):
        operator.resume(handle.invocation_id)
    with pytest.raises(AdminRefused):
        operator.resume("inv_00000000000000000000000000")


@feature("restart as new")
def test_an_ended_invocation_runs_again_as_a_new_one(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    first = ended(client, stage, scene)
    answered(stage, scene, one="one", two="two", three="three")

    again = operator.restart(first.invocation_id)

    assert again != first.invocation_id
    assert client.handle(again, Texts).attach().texts == ["one", "two", "three"]
    assert first.attach().texts == ["1", "2", "3"]


@feature("restart from an entry")
def test_an_ended_invocation_runs_again_from_an_entry_of_its_journal(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    first = ended(client, stage, scene)
    second_step = operator.journal(first.invocation_id).index("run 'two'")
    answered(stage, scene, two="two", three="three")

    again = operator.restart(first.invocation_id, second_step)

    assert client.handle(again, Texts).attach().texts == ["1", "two", "three"]
    assert stage.lines(scene).count("one") == 1


@feature("restart as new")
def test_the_command_of_operators_restarts(client: perdure.SyncClient, town: Town, stage: Stage, scene: str) -> None:
    first = ended(client, stage, scene)
    answered(stage, scene, one="one", two="two", three="three")

    ran = town.command("invocations", "restart", first.invocation_id)

    assert ran.returncode == 0, ran.stderr
    (again,) = {word for word in ran.stdout.split() if word.startswith("inv_")} - {first.invocation_id}
    assert client.handle(again, Texts).attach().texts == ["one", "two", "three"]


@feature("restart as new")
def test_what_has_not_ended_is_not_restarted(
    client: perdure.SyncClient, operator: Operator, stage: Stage, scene: str
) -> None:
    handle = RoutineClient(client).run.send(Text(text=scene))
    stage.wait_for_line(scene, "one")

    with pytest.raises(AdminRefused):
        operator.restart(handle.invocation_id)

    operator.kill(handle.invocation_id)
