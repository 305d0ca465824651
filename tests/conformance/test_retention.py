"""Retention: how long an invocation, its key and its journal are remembered, each by its own setting."""

import uuid
from dataclasses import dataclass
from datetime import timedelta

import perdure
import pytest
from conformance.v1 import BriefClient, FactsClient, ForgetfulClient, Key, KeyText, Nothing, Text
from perdure_runtime.admin.client import AdminRefused

from tests.conformance.operator_desk import Operator, eventually
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Ended:
    """What has ended, and is soon forgotten. The runtime looks only now and then: all wait for that together."""

    key_scene: str
    of_key: perdure.BlockingInvocationHandle[Text]
    journal_scene: str
    of_journal: perdure.BlockingInvocationHandle[Text]
    workflow: str


@pytest.fixture(scope="module")
def ended(client: perdure.SyncClient) -> Ended:
    """One of each."""
    key_scene, journal_scene, workflow = (uuid.uuid4().hex for _ in range(3))
    forgetful = ForgetfulClient(client)
    of_key = forgetful.forget_key.send(Text(text=key_scene), idempotency_key=key_scene)
    of_journal = forgetful.forget_journal.send(Text(text=journal_scene), idempotency_key=journal_scene)
    of_key.attach()
    of_journal.attach()
    assert BriefClient(client, workflow).run(KeyText(text="first")).text == "first"
    return Ended(key_scene, of_key, journal_scene, of_journal, workflow)


def is_forgotten(client: perdure.SyncClient, invocation_id: str) -> bool:
    """Whether nobody knows the invocation any more."""
    try:
        client.handle(invocation_id, Text).output()
    except perdure.TerminalError as error:
        if error.code is not perdure.StatusCode.NOT_FOUND:
            raise
        return True
    return False


@feature("purge forgets an ended invocation")
def test_an_operator_purges_what_has_ended(client: perdure.SyncClient, operator: Operator, scene: str) -> None:
    first = FactsClient(client).tell.send(Nothing(), idempotency_key=scene)
    first.attach()

    operator.purge(first.invocation_id)

    assert is_forgotten(client, first.invocation_id)
    again = FactsClient(client).tell.send(Nothing(), idempotency_key=scene)
    assert again.invocation_id != first.invocation_id


@feature("purge forgets an ended invocation")
def test_the_command_of_operators_purges(client: perdure.SyncClient, town: Town) -> None:
    first = FactsClient(client).tell.send(Nothing())
    first.attach()

    ran = town.command("invocations", "purge", first.invocation_id)

    assert ran.returncode == 0, ran.stderr
    assert is_forgotten(client, first.invocation_id)


@feature("purge forgets an ended invocation")
def test_what_has_not_ended_is_not_purged(client: perdure.SyncClient, operator: Operator, scene: str) -> None:
    waiting = ForgetfulClient(client).forget_key.send(Text(text=scene), delay=DAY)

    with pytest.raises(AdminRefused):
        operator.purge(waiting.invocation_id)

    assert waiting.output() is None


@feature("idempotency retention")
def test_a_key_is_forgotten_after_its_retention_and_runs_again(
    client: perdure.SyncClient, stage: Stage, ended: Ended
) -> None:
    assert eventually(lambda: is_forgotten(client, ended.of_key.invocation_id))

    ForgetfulClient(client).forget_key(Text(text=ended.key_scene), idempotency_key=ended.key_scene)

    assert stage.lines(ended.key_scene) == ["run", "run"]


@feature("journal retention")
def test_a_key_outlives_the_journal(client: perdure.SyncClient, operator: Operator, stage: Stage, ended: Ended) -> None:
    assert eventually(lambda: not operator.journal(ended.of_journal.invocation_id))

    ForgetfulClient(client).forget_journal(Text(text=ended.journal_scene), idempotency_key=ended.journal_scene)

    assert ended.of_journal.output() == Text(text=ended.journal_scene)
    assert stage.lines(ended.journal_scene) == ["run"]


@feature("workflow retention")
def test_a_workflow_is_forgotten_after_its_retention_and_can_run_again(
    client: perdure.SyncClient, stage: Stage, ended: Ended
) -> None:
    brief = BriefClient(client, ended.workflow)
    assert eventually(lambda: brief.status(Key()).text == ""), "its state is gone"

    assert brief.run(KeyText(text="second")).text == "second"

    assert stage.lines(ended.workflow) == ["run", "run"]
