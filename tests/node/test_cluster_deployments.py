"""Deployments of a cluster: what one node changes all of them route by, in one order. Endpoints are real."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from perdure.serve import EndpointServer
from perdure_runtime.ingress.port import DeploymentInUse, RegistrationRefused, UnknownDeployment
from perdure_runtime.partition.rows import Invocation, Mode, Running, Target
from perdure_runtime.storage.api import DeploymentRow, Usage

from tests.node.fleet import Counting, Trials, Version, address
from tests.node.office import Clerk, Files, Office

TRIAL, COUNTER = "trial.v1.Trial", "trial.v1.Counter"


class Room:
    """Two nodes of a cluster, and endpoints."""

    def __init__(self, started: AsyncExitStack) -> None:
        self.office = Office()
        self.one, self.two = self.node(), self.node()
        self.one.peers, self.two.peers = [self.two], [self.one]
        self._started = started

    def node(self, *databases: Files) -> Clerk:
        """A node more."""
        return Clerk(self.office, *(databases or (Files(),)))

    async def serve(self, version: str = "v1", *more: Counting) -> str:
        """Starts a process of an endpoint, and returns its address."""
        return address(await self.start(Version(Trials(version), *more)))

    async def start(self, endpoint: Version, host: str = "127.0.0.1", port: int = 0) -> EndpointServer:
        """Starts a process of an endpoint."""
        server = EndpointServer(endpoint, host, port)
        await server.start()
        self._started.push_async_callback(server.close)
        return server


def play(story: Callable[[Room], Coroutine[None, None, None]]) -> None:
    """Runs a story with a room of its own."""

    async def run() -> None:
        async with asyncio.timeout(30), AsyncExitStack() as started:
            room = Room(started)
            try:
                await story(room)
            finally:
                for node in (room.one, room.two):
                    await node.invoker.close()

    asyncio.run(run())


def grown(file: FileDescriptorProto) -> None:
    """A contract with a message more."""
    file.message_type.add(name="More")


def begun(id: str, deployment_id: str) -> Invocation:
    """An invocation of Trial that a deployment has begun."""
    target = Target(TRIAL, "First", "")
    return Invocation(id, target, Mode(), b"", (), "", None, 5, Running(), 1, deployment_id=deployment_id)


def test_a_registration_returns_once_every_node_routes_by_it() -> None:
    async def story(room: Room) -> None:
        id = await room.one.register(await room.serve())
        for node in (room.one, room.two):
            assert node.invoker.newest_at(id) == {TRIAL}

    play(story)


def test_a_removal_returns_once_no_node_routes_by_it() -> None:
    async def story(room: Room) -> None:
        id = await room.one.register(await room.serve())
        await room.two.deployments.remove(id, force=False)
        for node in (room.one, room.two):
            assert TRIAL not in node.invoker.contracts

    play(story)


def test_a_node_that_was_told_nothing_reads_it_itself() -> None:
    async def story(room: Room) -> None:
        room.one.peers = []
        watching = asyncio.create_task(room.two.deployments.follow_registry())
        id = await room.one.register(await room.serve())
        await room.two.invoker.contracts_changed(room.two.invoker.contracts)
        assert room.two.invoker.newest_at(id) == {TRIAL}
        watching.cancel()

    play(story)


def test_a_node_that_starts_knows_all_at_once_and_which_is_the_newest() -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve("v1"))
        new = await room.one.register(await room.serve("v2"))
        third = room.node()
        third.deployments.restore()
        assert third.invoker.newest_at(new) == {TRIAL}
        await third.invoker.close()

    play(story)


def test_two_that_are_registered_at_one_moment_are_both_there_in_one_order_for_all() -> None:
    async def story(room: Room) -> None:
        # Neither knows of the other's: both take the same moment of the clock.
        first, second = await room.serve("v1"), await room.serve("v2")
        ids = await asyncio.gather(room.one.register(first), room.two.register(second))
        for node in (room.one, room.two):
            await node.deployments.refresh()
        order = [row.id for row in room.office.deployments()]
        assert sorted(order) == sorted(ids)
        for node in (room.one, room.two):
            assert [each.id for each in await node.deployments.list()] == order
            assert node.invoker.newest_at(order[-1]) == {TRIAL}

    play(story)


def test_failing_reads_are_told_once_and_the_node_routes_by_what_it_knew(caplog: pytest.LogCaptureFixture) -> None:
    async def story(room: Room) -> None:
        id = await room.one.register(await room.serve())
        room.office.trouble = "the database is away"
        watching = asyncio.create_task(room.one.deployments.follow_registry())
        read = room.office.reads
        while room.office.reads < read + 2:  # noqa: ASYNC110  # A failing read changes nothing that could be awaited.
            await asyncio.sleep(0.01)
        watching.cancel()
        assert room.one.invoker.newest_at(id) == {TRIAL}

    with caplog.at_level(logging.WARNING, "perdure_runtime.node.routes"):
        play(story)
    told = [record.getMessage() for record in caplog.records if record.name == "perdure_runtime.node.routes"]
    assert told == ["deployments cannot be read, this node routes by those that it knows: the database is away"]


def test_work_is_counted_and_named_over_all_databases() -> None:
    async def story(room: Room) -> None:
        id = await room.one.register(await room.serve())
        node = room.node(Files(begun("inv_2", id)), Files(begun("inv_1", id), begun("inv_3", id)))
        node.deployments.restore()
        (shown,) = await node.deployments.list()
        assert shown.in_flight == 3
        with pytest.raises(DeploymentInUse, match="has begun 3 invocations that have not ended: inv_1, inv_2, inv_3;"):
            await node.deployments.remove(id, force=False)
        await node.invoker.close()

    play(story)


def test_calls_that_no_deployment_has_begun_wait_for_the_newest() -> None:
    async def story(room: Room) -> None:
        old = await room.one.register(await room.serve("v1"))
        await room.one.register(await room.serve("v2"))
        node = room.node(
            Files(begun("inv_1", old), usage=Usage({}, {"First": 3})), Files(usage=Usage({}, {"Second": 1}))
        )
        node.deployments.restore()
        listed = [(each.status, each.in_flight, each.waiting) for each in await node.deployments.list()]
        assert listed == [("draining", 1, 0), ("active", 0, 3)]
        await node.invoker.close()

    play(story)


def test_what_sdk_an_endpoint_runs_is_shown() -> None:
    async def story(room: Room) -> None:
        await room.one.register(await room.serve())
        (shown,) = await room.two.deployments.list()
        assert shown.sdk_version

    play(story)


def test_several_processes_are_one_deployment_at_every_node() -> None:
    async def story(room: Room) -> None:
        a, b = await room.serve(), await room.serve()
        id = await room.one.register(a, b)
        for node in (room.one, room.two):
            assert node.invoker.processes(id) == {a, b}
        (shown,) = await room.two.deployments.list()
        assert list(shown.addresses) == [a, b]

    play(story)


def test_processes_that_do_not_serve_alike_are_refused_with_what_differs() -> None:
    async def story(room: Room) -> None:
        a, b = await room.serve(), await room.serve("v1", Counting())
        with pytest.raises(RegistrationRefused, match=f"compared with {a}, {b} serves trial.v1.Counter too"):
            await room.one.register(a, b)
        edited = address(await room.start(Version(Trials("v1"), edit=grown)))
        with pytest.raises(RegistrationRefused, match=f"compared with {a}, {edited} has another trial/v1/trial.proto"):
            await room.one.register(a, edited)

    play(story)


def test_the_same_contracts_at_another_address_are_a_deployment_of_their_own() -> None:
    async def story(room: Room) -> None:
        assert await room.one.register(await room.serve()) != await room.one.register(await room.serve())

    play(story)


def test_one_process_of_several_that_is_registered_again_is_the_same_deployment() -> None:
    async def story(room: Room) -> None:
        a, b = await room.serve(), await room.serve()
        assert await room.one.register(a, b) == await room.two.register(b)

    play(story)


def test_a_process_more_beside_known_ones_is_refused_and_told_how_to_join() -> None:
    async def story(room: Room) -> None:
        a, b = await room.serve(), await room.serve()
        id = await room.one.register(a)
        with pytest.raises(RegistrationRefused, match=f"perdure deployments join {id} {b}"):
            await room.one.register(a, b)

    play(story)


def test_a_process_joins_and_leaves_at_every_node() -> None:
    async def story(room: Room) -> None:
        a, b = await room.serve(), await room.serve()
        id = await room.one.register(a)
        joined = await room.two.deployments.join(id, b)
        assert list(joined.addresses) == [a, b]
        assert room.one.invoker.processes(id) == room.two.invoker.processes(id) == {a, b}
        assert await room.two.deployments.join(id, b) == joined
        left = await room.one.deployments.leave(id, a)
        assert list(left.addresses) == [b]
        assert room.one.invoker.processes(id) == room.two.invoker.processes(id) == {b}

    play(story)


def test_processes_that_join_at_two_nodes_at_one_moment_are_both_there() -> None:
    async def story(room: Room) -> None:
        a, b, c = [await room.serve() for _ in range(3)]
        id = await room.one.register(a)
        room.office.before_move = lambda: room.office.rows.deployments.update({id: _moved(room, id, f"{a},{c}")})
        assert list((await room.one.deployments.join(id, b)).addresses) == [a, c, b]

    play(story)


def test_what_cannot_join_is_told_why() -> None:
    async def story(room: Room) -> None:
        a, other, wider = await room.serve(), await room.serve("v2"), await room.serve("v1", Counting())
        id, second = await room.one.register(a), await room.one.register(other)
        with pytest.raises(RegistrationRefused, match=f"does not serve as {id} does: it serves {COUNTER} too"):
            await room.one.deployments.join(id, wider)
        with pytest.raises(RegistrationRefused, match=f"{other} is a process of deployment {second}; take it out"):
            await room.one.deployments.join(id, other)
        with pytest.raises(UnknownDeployment, match="dp_7"):
            await room.one.deployments.join("dp_7", other)

    play(story)


def test_the_last_process_does_not_leave_nor_one_that_is_not_there() -> None:
    async def story(room: Room) -> None:
        a = await room.serve()
        id = await room.one.register(a)
        with pytest.raises(RegistrationRefused, match=f"only process of {id}.*perdure deployments remove {id}"):
            await room.one.deployments.leave(id, a)
        with pytest.raises(RegistrationRefused, match=f"localhost:1 is no process of {id}, which has {a}"):
            await room.one.deployments.leave(id, "localhost:1")

    play(story)


def test_other_contracts_at_one_of_several_addresses_take_that_address_alone_when_forced() -> None:
    async def story(room: Room) -> None:
        a = await room.serve()
        server = await room.start(Version(Trials("v1")))
        b = address(server)
        old = await room.one.register(a, b)
        await server.close()
        await room.start(Version(Trials("v2"), Counting()), port=server.port)
        new = await room.one.register(b, force=True)
        assert {row.id: row.address for row in room.office.deployments()} == {old: a, new: b}
        assert room.two.invoker.processes(old) == {a}

    play(story)


def test_a_name_with_several_addresses_is_several_processes_and_follows_them() -> None:
    async def story(room: Room) -> None:
        port = (await room.start(Version(Trials("v1")))).port
        await room.start(Version(Trials("v1")), "127.0.0.2", port)
        room.one.known["shop"] = ["127.0.0.1", "127.0.0.2"]
        id = await room.one.register(f"shop:{port}")
        watching = asyncio.create_task(room.one.deployments.follow_names())
        await _until(lambda: room.one.invoker.processes(id) == {f"127.0.0.1:{port}", f"127.0.0.2:{port}"})
        watching.cancel()
        room.one.known["shop"] = ["127.0.0.2", "127.0.0.3"]
        watching = asyncio.create_task(room.one.deployments.follow_names())
        await _until(lambda: room.one.invoker.processes(id) == {f"127.0.0.2:{port}", f"127.0.0.3:{port}"})
        watching.cancel()

    play(story)


def test_a_name_that_cannot_be_looked_up_keeps_its_processes() -> None:
    async def story(room: Room) -> None:
        port = (await room.start(Version(Trials("v1")))).port
        await room.start(Version(Trials("v1")), "127.0.0.2", port)
        processes = {f"127.0.0.1:{port}", f"127.0.0.2:{port}"}
        room.one.known["shop"] = ["127.0.0.1", "127.0.0.2"]
        id = await room.one.register(f"shop:{port}")
        watching = asyncio.create_task(room.one.deployments.follow_names())
        await _until(lambda: room.one.invoker.processes(id) == processes)
        watching.cancel()
        room.one.known["shop"] = []
        watching = asyncio.create_task(room.one.deployments.follow_names())
        asked = room.one.looked_up
        await _until(lambda: room.one.looked_up > asked)
        await room.one.deployments.refresh()
        assert room.one.invoker.processes(id) == processes
        watching.cancel()

    play(story)


def test_a_node_that_changes_nothing_tells_nobody() -> None:
    async def story(room: Room) -> None:
        a = await room.serve()
        await room.one.register(a)
        await room.one.register(a)
        await room.two.deployments.list()
        assert (room.one.told, room.two.told) == (1, 0)

    play(story)


def _moved(room: Room, id: str, address: str) -> DeploymentRow:
    return replace(room.office.rows.deployments[id], address=address)


async def _until(seen: Callable[[], bool]) -> None:
    while not seen():  # noqa: ASYNC110  # Nothing tells when names have been looked up.
        await asyncio.sleep(0.005)
