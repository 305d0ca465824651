"""Workflows: one run an id, promises between its handlers, results by the workflow's id."""

import perdure
import pytest
from conformance.v1 import Key, KeyText, RegistrarClient, SignupClient, Text

from tests.conformance.grpc_caller import GrpcCaller, by_workflow
from tests.conformance.json_caller import JsonCaller
from tests.conformance.stage import Stage

feature = pytest.mark.feature
SIGNUP = "conformance.v1.Signup"


def running(client: perdure.SyncClient, stage: Stage, scene: str) -> perdure.BlockingInvocationHandle[Text]:
    """A workflow that waits for its promise."""
    handle = SignupClient(client, scene).run.send(KeyText(text="ada"))
    stage.wait_for_line(scene, "run ada")
    return handle


def ended(client: perdure.SyncClient, stage: Stage, scene: str) -> SignupClient[perdure.SyncClient]:
    """A workflow that has ended with "ada ok"."""
    handle = running(client, stage, scene)
    signup = SignupClient(client, scene)
    signup.verify(KeyText(text="ok"))
    assert handle.attach().text == "ada ok"
    return signup


@feature("workflows: run once per id")
def test_a_second_run_of_an_id_attaches_to_the_first(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    first = running(client, stage, scene)

    second = SignupClient(client, scene).run.send(KeyText(text="bob"))
    SignupClient(client, scene).verify(KeyText(text="ok"))

    assert second.invocation_id == first.invocation_id
    assert second.attach().text == "ada ok"
    assert stage.lines(scene) == ["run ada"]


@feature("workflows: run once per id")
def test_a_run_of_an_id_that_has_ended_gives_its_result(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    signup = ended(client, stage, scene)

    assert signup.run(KeyText(text="bob")).text == "ada ok"
    assert stage.lines(scene) == ["run ada"]


@feature("workflows: run once per id")
def test_handlers_run_a_workflow_once_too(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    ended(client, stage, scene)

    assert RegistrarClient(client).run(KeyText(key=scene, text="bob")).text == "ada ok"
    assert stage.lines(scene) == ["run ada"]


@feature("workflows: must_be_new")
def test_a_run_that_must_be_new_is_refused_where_the_id_has_run(
    client: perdure.SyncClient, stage: Stage, scene: str
) -> None:
    running(client, stage, scene)

    with pytest.raises(perdure.TerminalError) as refused:
        SignupClient(client, scene).run(KeyText(text="bob"), must_be_new=True)

    assert refused.value.code is perdure.StatusCode.ALREADY_EXISTS


@feature("workflows: must_be_new")
def test_a_retry_of_a_run_that_must_be_new_attaches_to_it(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    run = SignupClient(client, scene).run
    first = run.send(KeyText(text="ada"), must_be_new=True, idempotency_key=scene)

    again = run.send(KeyText(text="ada"), must_be_new=True, idempotency_key=scene)

    assert again.invocation_id == first.invocation_id
    stage.wait_for_line(scene, "run ada")


@feature("workflows: must_be_new")
def test_a_handler_learns_that_an_id_has_run(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)

    failure = RegistrarClient(client).run_new(KeyText(key=scene, text="bob"))

    assert failure.code == perdure.StatusCode.ALREADY_EXISTS.value


@feature("workflows: must_be_new")
def test_http_learns_that_an_id_has_run(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    running(client, stage, scene)

    refused = caller.post(f"/{SIGNUP}/Run", {"key": scene, "text": "bob"}, perdure_must_be_new="true")

    assert (refused.status, refused.value["code"]) == (409, "already_exists")


@feature("workflow promises: value, peek, resolve, reject")
def test_a_promise_wakes_the_run_that_waits_for_it(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = running(client, stage, scene)
    signup = SignupClient(client, scene)
    assert handle.output() is None
    assert signup.peek(Key()).texts == []

    assert not signup.verify(KeyText(text="verified")).code

    assert handle.attach().text == "ada verified"
    assert signup.peek(Key()).texts == ["verified"]


@feature("workflow promises: value, peek, resolve, reject")
def test_a_promise_that_is_rejected_raises_in_the_run(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    handle = running(client, stage, scene)

    SignupClient(client, scene).refuse(KeyText(text="no such address"))

    with pytest.raises(perdure.TerminalError, match="no such address") as raised:
        handle.attach()
    assert raised.value.code is perdure.StatusCode.PERMISSION_DENIED


@feature("workflow promises: value, peek, resolve, reject")
def test_a_promise_gets_its_result_once(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)
    signup = SignupClient(client, scene)
    signup.verify(KeyText(text="first"))

    again = (signup.verify(KeyText(text="second")), signup.refuse(KeyText(text="third")))

    assert {failure.code for failure in again} == {perdure.StatusCode.ALREADY_EXISTS.value}
    assert signup.run.attach().text == "ada first"


@feature("workflow promises: value, peek, resolve, reject")
def test_a_shared_handler_waits_for_what_the_run_resolves(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)
    signup = SignupClient(client, scene)
    welcoming = signup.welcome.send(Key())
    assert welcoming.output() is None

    signup.verify(KeyText(text="ok"))

    assert welcoming.attach().text == "welcome ada"


@feature("workflows: shared handlers before, beside and after run")
def test_shared_handlers_work_before_the_run(client: perdure.SyncClient, scene: str) -> None:
    signup = SignupClient(client, scene)
    assert signup.status(Key()).text == ""

    signup.verify(KeyText(text="early"))

    assert signup.run(KeyText(text="ada")).text == "ada early"


@feature("workflows: shared handlers before, beside and after run")
def test_shared_handlers_see_the_state_of_the_run(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)
    signup = SignupClient(client, scene)
    assert signup.status(Key()).text == "waiting"

    signup.verify(KeyText(text="ok"))
    signup.run.attach()

    assert signup.status(Key()).text == "verified"
    assert signup.peek(Key()).texts == ["ok"]
    assert signup.welcome(Key()).text == "welcome ada"


@feature("workflow attach and output by id")
def test_a_client_attaches_to_a_workflow_by_its_id(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)
    signup = SignupClient(client, scene)
    assert signup.run.output() is None

    signup.verify(KeyText(text="ok"))

    assert signup.run.attach().text == "ada ok"
    assert signup.run.output() == Text(text="ada ok")


@feature("workflow attach and output by id")
def test_a_handler_attaches_to_a_workflow_by_its_id(client: perdure.SyncClient, stage: Stage, scene: str) -> None:
    running(client, stage, scene)
    registrar = RegistrarClient(client)
    assert registrar.output(KeyText(key=scene)).texts == []
    attaching = registrar.attach.send(KeyText(key=scene))

    SignupClient(client, scene).verify(KeyText(text="ok"))

    assert attaching.attach().text == "ada ok"
    assert registrar.output(KeyText(key=scene)).texts == ["ada ok"]


@feature("workflow attach and output by id")
def test_http_attaches_to_a_workflow_by_its_id(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    running(client, stage, scene)
    path = f"/workflows/{SIGNUP}/{scene}"
    assert caller.get(f"{path}/output").status == 409

    SignupClient(client, scene).verify(KeyText(text="ok"))

    assert caller.get(f"{path}/attach").value == {"text": "ada ok"}
    assert caller.get(f"{path}/output").value == {"text": "ada ok"}


@feature("workflow attach and output by id")
def test_grpc_attaches_to_a_workflow_by_its_id(
    client: perdure.SyncClient, grpc_caller: GrpcCaller, stage: Stage, scene: str
) -> None:
    ended(client, stage, scene)

    assert Text().parse(grpc_caller.attach(by_workflow(SIGNUP, scene))).text == "ada ok"
    assert Text().parse(grpc_caller.output(by_workflow(SIGNUP, scene))).text == "ada ok"


@feature("workflow attach and output by id")
def test_a_workflow_that_has_not_run_is_not_found(client: perdure.SyncClient, caller: JsonCaller, scene: str) -> None:
    with pytest.raises(perdure.TerminalError) as refused:
        SignupClient(client, scene).run.attach()

    assert refused.value.code is perdure.StatusCode.NOT_FOUND
    assert caller.get(f"/workflows/{SIGNUP}/{scene}/attach").status == 404


@feature("workflow attach and output by id")
def test_a_workflow_is_cancelled_by_its_id(
    client: perdure.SyncClient, caller: JsonCaller, stage: Stage, scene: str
) -> None:
    handle = running(client, stage, scene)

    assert caller.post(f"/workflows/{SIGNUP}/{scene}/cancel").status == 202

    with pytest.raises(perdure.TerminalError) as raised:
        handle.attach()
    assert raised.value.code is perdure.StatusCode.CANCELLED
