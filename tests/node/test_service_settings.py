"""What operators set for a service: every node goes by it, for all of its deployments, until it is cleared."""

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from perdure.session import EndpointSession
from perdure_protos.perdure.admin.v1.deployments_pb2 import RetryPolicy, ServiceSettings
from perdure_runtime.contracts import Contracts
from perdure_runtime.contracts.overlay import SERVICE_SETTINGS
from perdure_runtime.invoker.local import LocalTransport

from tests.node.fleet import Trials, Version, address
from tests.node.office import Clerk
from tests.node.test_cluster_deployments import Room, play

TRIAL = "trial.v1.Trial"
PRIVATE = ServiceSettings(public=False, retry=RetryPolicy(factor=1, max_attempts=7))


def _grown(file: FileDescriptorProto) -> None:
    file.message_type.add(name="More")


def _attempts(node: Clerk) -> int:
    return node.invoker.contracts[TRIAL].handlers["First"].execution.retry.max_attempts


async def _set(room: Room, settings: ServiceSettings | None) -> None:
    content = None if settings is None else settings.SerializeToString()
    await room.one.deployments.define(SERVICE_SETTINGS, TRIAL, content)


def test_settings_hold_at_every_node_when_they_are_set_and_no_more_when_they_are_cleared() -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve())
        said = _attempts(room.two)
        await _set(room, PRIVATE)
        assert [_attempts(node) for node in (room.one, room.two)] == [7, 7]
        assert not room.two.invoker.contracts[TRIAL].public
        await _set(room, None)
        assert [_attempts(node) for node in (room.one, room.two)] == [said, said]
        assert room.two.invoker.contracts[TRIAL].public

    play(story)


def test_settings_hold_for_each_version_of_a_service_and_for_those_that_come_later() -> None:
    async def story(room: Room) -> None:
        old = await room.one.register(await room.serve("v1"))
        await _set(room, PRIVATE)
        new = await room.one.register(address(await room.start(Version(Trials("v2"), edit=_grown))))
        for id in (old, new):
            contracts = room.two.invoker.contracts_of(id)
            assert contracts is not None
            assert not contracts[TRIAL].public
        assert room.two.invoker.newest_of(TRIAL) == new

    play(story)


def test_a_node_that_starts_goes_by_the_settings_that_are_stored() -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve())
        await _set(room, PRIVATE)
        third = room.node()
        third.deployments.restore()
        assert _attempts(third) == 7
        await third.invoker.close()

    play(story)


def test_a_new_version_is_compared_with_what_the_contract_says_and_not_with_what_is_set() -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve("v1"))
        # Else making it public again would look like a change of the contract.
        await _set(room, PRIVATE)
        other = address(await room.start(Version(Trials("v2"), edit=_grown)))
        registered = await room.one.deployments.register([other], force=False, verify=False)
        assert (list(registered.changes), registered.change_class) == ([], "safe")

    play(story)


def test_settings_that_cannot_be_read_are_told_and_the_contract_holds(caplog: pytest.LogCaptureFixture) -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve())
        said = _attempts(room.one)
        await room.one.deployments.define(SERVICE_SETTINGS, TRIAL, b"\xff")
        assert _attempts(room.one) == said
        assert f"the settings of {TRIAL} cannot be read, it goes by its contract" in caplog.text

    play(story)


def test_an_endpoint_of_this_process_is_shown_and_set_like_others() -> None:
    async def story(room: Room) -> None:
        endpoint = Version(Trials("v1"))
        contracts = Contracts.discovered(endpoint.discovery())
        room.one.deployments.serve_here(LocalTransport(lambda send: EndpointSession(endpoint, send)), contracts)
        (shown,) = await room.one.deployments.list()
        assert (shown.id, list(shown.addresses), shown.status) == ("local", ["in process"], "active")
        assert room.one.invoker.newest_of(TRIAL) == "local"
        await _set(room, PRIVATE)
        assert _attempts(room.one) == 7
        newer = await room.one.register(await room.serve("v2"))
        assert [each.status for each in await room.one.deployments.list()] == ["drained", "active"]
        assert room.one.invoker.newest_of(TRIAL) == newer

    play(story)
