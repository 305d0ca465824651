"""Deployments: new calls go to the newest version, what runs stays with its own, and an operator can move it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import perdure
import pytest
from conformance.v1 import Connection, Nothing, SwitchboardClient, Text, VersionedClient

from tests.conformance.app_versions import VERSION
from tests.conformance.operator_desk import Operator
from tests.conformance.stage import Stage
from tests.conformance.town import Town

feature = pytest.mark.feature
Deploy = Callable[..., None]


@pytest.fixture
def deploy(town: Town) -> Iterator[Deploy]:
    """Starts an endpoint, and registers it."""
    with ExitStack() as started:

        def endpoint(module: str = "app_versions", version: str = "") -> None:
            service = town.serve(f"{module}-{version}", f"tests.conformance.{module}:app", **{VERSION: version})
            started.callback(service.stop)
            service.start()
            town.register(service)

        yield endpoint


@feature("new invocations go to the newest deployment, those in flight stay")
def test_new_calls_go_to_the_version_that_was_registered_last_and_what_runs_stays(
    client: perdure.SyncClient, stage: Stage, scene: str, deploy: Deploy
) -> None:
    versioned = VersionedClient(client)
    deploy(version="1")
    assert versioned.which(Nothing()).text == "1"
    spanning = versioned.span.send(Text(text=scene))
    stage.wait_for_line(scene, "span")

    deploy(version="2")

    assert versioned.which(Nothing()).text == "2"
    stage.answer(scene, "span", "")
    assert spanning.attach().texts == ["1", "1"]


@feature("resume on another deployment")
def test_a_paused_invocation_resumes_on_the_version_that_repairs_it(
    client: perdure.SyncClient, operator: Operator, deploy: Deploy, scene: str
) -> None:
    deploy(version="1")
    broken = VersionedClient(client).repair.send(Text(text=scene))
    operator.wait_for_status(broken.invocation_id, "paused")

    deploy(version="2")
    operator.resume(broken.invocation_id, on_newest=True)

    assert broken.attach().text == "1 2"


@feature("a call waits until an endpoint serves it")
def test_a_call_of_a_handler_that_nobody_serves_waits_for_its_endpoint(
    client: perdure.SyncClient, deploy: Deploy, scene: str
) -> None:
    connection = Connection("conformance.v1.Late", "Answer", payload=bytes(Text(text=scene)))
    calling = SwitchboardClient(client).call.send(connection)

    deploy("app_late")

    assert Text().parse(calling.attach().payload).text == scene
