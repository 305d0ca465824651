"""Services as operators see and set them, on a node with an endpoint."""

import json

import jsonschema_rs
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from perdure_protos.perdure.admin.v1.deployments_pb2 import RetryPolicy, Service, ServiceSettings
from perdure_runtime.admin.client import AdminRefused

from tests.admin.town import COUNTER, QUEST, TRIAL, Town, play


def test_services_are_listed_with_their_handlers() -> None:
    async def story(town: Town) -> None:
        counter, quest, trial = await town.admin.services()
        assert [each.name for each in (counter, quest, trial)] == [COUNTER, QUEST, TRIAL]
        assert [each.kind for each in (counter, quest, trial)] == ["virtual object", "workflow", "service"]
        assert counter.state == "trial.v1.CounterState"
        assert [(each.name, each.type) for each in quest.promises] == [("answer", "trial.v1.Text")]
        (add,) = counter.handlers
        assert (add.name, add.kind, add.public, add.key_field) == ("Add", "exclusive", True, "counter")
        assert (add.request, add.response) == ("trial.v1.AddRequest", "trial.v1.CounterState")
        assert (add.retry.max_attempts, add.retry.pause) == (2, True)
        assert not add.request_schema

    play(story)


def test_a_service_has_the_schema_and_an_example_of_each_request() -> None:
    async def story(town: Town) -> None:
        (add,) = (await town.admin.service(COUNTER)).handlers
        assert json.loads(add.request_example) == {"counter": "", "reason": ""}
        validator = jsonschema_rs.validator_for(json.loads(add.request_schema))
        assert validator.is_valid({"counter": "ada"})
        assert not validator.is_valid({"counter": 3})
        assert not validator.is_valid({"contour": "ada"})

    play(story)


def test_settings_go_over_the_contract_until_they_are_cleared() -> None:
    async def story(town: Town) -> None:
        said = await town.admin.service(COUNTER)
        settings = ServiceSettings(public=False, journal_retention_ms=5, retry=RetryPolicy(factor=1, max_attempts=1))
        shown = await town.admin.update_service(COUNTER, settings)
        (add,) = shown.handlers
        assert (shown.public, add.public, add.journal_retention_ms, add.retry.max_attempts) == (False, False, 5, 1)
        assert shown.settings == settings
        assert add.idempotency_retention_ms == said.handlers[0].idempotency_retention_ms
        assert (await town.admin.service(TRIAL)).public
        assert await town.admin.update_service(COUNTER, ServiceSettings()) == _without_schemas(said)

    play(story)


def test_settings_hold_for_what_runs_and_are_stored() -> None:
    async def story(town: Town) -> None:
        await town.admin.update_service(TRIAL, ServiceSettings(retry=RetryPolicy(factor=1, max_attempts=1)))
        shown = await town.until(await town.first("breaks"), "ended")
        assert shown.failures == 1
        assert "the bank is closed" in shown.error.message
        assert town.node.administration.contracts[TRIAL].handlers["First"].execution.retry.max_attempts == 1
        assert town.storage.definitions("service_settings").keys() == {TRIAL}

    play(story)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (ServiceSettings(journal_retention_ms=-1), "journal_retention_ms is -1; write milliseconds, 0 or more"),
        (ServiceSettings(retry=RetryPolicy(factor=0.5)), "retry.factor is 0.5; it must be at least 1"),
        (
            ServiceSettings(retry=RetryPolicy(factor=2, initial_interval_ms=9, max_interval_ms=3)),
            "retry.max_interval_ms is 3, shorter than retry.initial_interval_ms of 9",
        ),
    ],
)
def test_settings_that_are_none_are_refused(settings: ServiceSettings, says: str) -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match=says):
            await town.admin.update_service(COUNTER, settings)

    play(story)


def test_a_service_that_nobody_serves_is_told_those_that_there_are() -> None:
    async def story(town: Town) -> None:
        with pytest.raises(AdminRefused, match=rf"no service 'shop.v1.Cart'; the services here are {COUNTER}, "):
            await town.admin.service("shop.v1.Cart")

    play(story)


def test_the_descriptors_of_a_service_are_whole() -> None:
    async def story(town: Town) -> None:
        files = FileDescriptorSet.FromString(await town.admin.descriptors(COUNTER))
        names = {file.name for file in files.file}
        assert "trial/v1/trial.proto" in names
        assert all(needed in names for file in files.file for needed in file.dependency)

    play(story)


def _without_schemas(service: Service) -> Service:
    for handler in service.handlers:
        handler.request_schema = handler.request_example = ""
    return service
