"""What callers are told when the stream to a peer breaks, and how it comes back."""

import asyncio
import contextlib
import socket

import pytest
from grpclib.const import Cardinality
from grpclib.exceptions import StreamTerminatedError
from perdure_protos.perdure.peer.v1 import peer_pb2
from perdure_protos.perdure.peer.v1.message_pb2 import Message
from perdure_runtime.peer import server
from perdure_runtime.peer.channel import CONFIGURATION, MIB, PING_EVERY_S, PONG_WITHIN_S, PeerChannel
from perdure_runtime.peer.link import PeerLink
from perdure_runtime.peer.peers import Peers
from perdure_runtime.peer.port import PeerUnreachable
from perdure_runtime.peer.server import EXCHANGE
from perdure_runtime.storage.api import Parcel

from tests.peer.cable import cable_to
from tests.peer.residents import ENDED, VALUE, a_submit
from tests.peer.room import STORY_S, Room, linked, tell

# A machine with two cores may be busy with something else for a while.
SLACK_S = 1.5


async def until_gone(link: PeerLink) -> None:
    """Asks until the stream is found to be broken."""
    with contextlib.suppress(PeerUnreachable):
        while True:
            await link.refresh()


async def until_back(link: PeerLink) -> None:
    """Asks until the stream is open again: not before its pause is over."""
    while True:
        try:
            return await link.refresh()
        except PeerUnreachable:
            await asyncio.sleep(0.01)


def test_a_call_on_a_stream_that_is_cut_may_have_been_sent_and_is_withdrawn_at_the_peer() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        room.residents.open.clear()
        async with cable_to(room.server.port) as cable, linked(f"127.0.0.1:{cable.port}") as link:
            call = asyncio.create_task(link.call(a_submit()))
            await room.residents.until_waiting(1)
            cable.cut()
            with pytest.raises(PeerUnreachable) as told:
                await call
            assert told.value.sent
            await room.residents.until_withdrawn(1)

    tell(story)


def test_a_stream_is_opened_again_after_it_was_cut() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        async with cable_to(room.server.port) as cable, linked(f"127.0.0.1:{cable.port}") as link:
            await link.refresh()
            cable.cut()
            await until_gone(link)
            await until_back(link)
            assert cable.opened == 2
            assert await link.attach("inv_1") == ENDED

    tell(story)


def test_a_peer_that_falls_silent_is_found_out_in_two_seconds() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        async with cable_to(room.server.port) as cable, linked(f"127.0.0.1:{cable.port}") as link:
            await link.refresh()
            cable.fall_silent()
            asked_at = asyncio.get_running_loop().time()
            with pytest.raises(PeerUnreachable) as told:
                await link.call(a_submit())
            took_s = asyncio.get_running_loop().time() - asked_at
            assert told.value.sent
            assert took_s < PING_EVERY_S + PONG_WITHIN_S + SLACK_S

    tell(story)


def test_a_connection_ends_though_its_silent_peer_never_takes_what_was_written() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.get_running_loop().create_future()

    async def story() -> None:
        listening = await asyncio.start_server(ignore, "127.0.0.1", 0)
        channel = PeerChannel("127.0.0.1", listening.sockets[0].getsockname()[1], config=CONFIGURATION)
        stream = channel.request(EXCHANGE, Cardinality.STREAM_STREAM, peer_pb2.Requests, peer_pb2.Responses)
        await stream.__aenter__()
        await stream.send_request()
        # More than the systems of both sides hold.
        (await channel.__connect__()).connection._transport.write(bytes(64 * MIB))
        with pytest.raises(StreamTerminatedError):
            async with asyncio.timeout(PING_EVERY_S + PONG_WITHIN_S + SLACK_S):
                await stream.recv_initial_metadata()
        channel.close()
        listening.close()

    asyncio.run(story())


def test_nobody_waits_any_more_at_a_node_whose_peer_fell_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "SILENT_S", 2 * PING_EVERY_S)

    async def story(room: Room, _: PeerLink) -> None:
        room.residents.open.clear()
        async with cable_to(room.server.port) as cable, linked(f"127.0.0.1:{cable.port}") as link:
            call = asyncio.create_task(link.call(a_submit()))
            await room.residents.until_waiting(1)
            cable.fall_silent()
            await room.residents.until_withdrawn(1)
            with pytest.raises(PeerUnreachable):
                await call

    tell(story)


def test_a_peer_that_takes_its_time_for_an_answer_is_not_taken_for_gone() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.open.clear()
        call = asyncio.create_task(link.call(a_submit()))
        await room.residents.until_waiting(1)
        done, _ = await asyncio.wait([call], timeout=PING_EVERY_S + PONG_WITHIN_S + SLACK_S)
        assert not done
        room.residents.open.set()
        assert await call == ("inv_1", VALUE)

    tell(story)


def test_where_nobody_listens_nothing_was_sent() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        async with asyncio.timeout(STORY_S), linked(f"127.0.0.1:{port}") as link:
            for _ in range(2):
                with pytest.raises(PeerUnreachable) as told:
                    await link.call(a_submit())
                assert not told.value.sent
                assert "Connect call failed" in str(told.value)

    asyncio.run(story())


def test_something_else_at_the_address_of_a_peer_is_no_peer() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def story() -> None:
        listening = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        async with asyncio.timeout(STORY_S), listening, linked(f"127.0.0.1:{port}") as link:
            with pytest.raises(PeerUnreachable) as told:
                await link.call(a_submit())
            assert not told.value.sent

    asyncio.run(story())


def test_a_node_that_closes_answers_what_was_asked_before() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.open.clear()
        calls = [asyncio.create_task(link.call(a_submit(f"inv_{number}"))) for number in range(100)]
        await room.residents.until_waiting(100)
        closing = asyncio.create_task(room.server.close(STORY_S))
        await asyncio.sleep(0)
        room.residents.open.set()
        assert await asyncio.gather(*calls) == [(f"inv_{number}", VALUE) for number in range(100)]
        await closing
        with pytest.raises(PeerUnreachable):
            await link.refresh()

    tell(story)


def test_a_node_that_closes_waits_no_longer_than_its_grace() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.open.clear()
        call = asyncio.create_task(link.call(a_submit()))
        await room.residents.until_waiting(1)
        await room.server.close(0.05)
        with pytest.raises(PeerUnreachable) as told:
            await call
        assert told.value.sent
        assert room.residents.withdrawn == 1

    tell(story)


def test_whoever_waits_for_a_node_that_is_no_peer_any_more_is_told() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        peers = Peers()
        room.residents.open.clear()
        call = asyncio.create_task(peers.link(room.address).call(a_submit()))
        await room.residents.until_waiting(1)
        peers.keep([room.address])
        assert not call.done()
        peers.keep([])
        with pytest.raises(PeerUnreachable, match="closed"):
            await call
        await room.residents.until_withdrawn(1)
        room.residents.open.set()
        assert await peers.link(room.address).submit(a_submit()) == "inv_1"
        await peers.close()

    tell(story)


def test_links_to_nodes_that_have_gone_are_forgotten() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        peers = Peers()
        for _number in range(20):
            link = peers.link(room.address)
            await link.refresh()
            peers.keep([])
            await link.closed()
        assert len(peers._closing) == 1
        await peers.close()

    tell(story)


def test_a_node_that_closes_opens_no_streams_any_more() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        peers = Peers()
        await peers.link(room.address).refresh()
        await peers.close()
        with pytest.raises(PeerUnreachable, match="closed") as told:
            await peers.link(room.address).submit(a_submit())
        assert not told.value.sent

    tell(story)


def test_peers_bring_messages_to_the_node_at_an_address() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        peers = Peers()
        parcel = Parcel(1, 2, 3, Message())
        peers.send_parcels(room.address, [parcel])
        peers.acknowledge(room.address, 4, 5, 6)
        peers.look(room.address)
        await room.post.until(3)
        assert sorted(map(str, room.post.came)) == sorted(map(str, [(parcel,), (4, 5, 6), "look"]))
        await peers.close()

    tell(story)


def test_messages_for_a_peer_that_cannot_be_reached_are_dropped() -> None:
    async def story(room: Room, _: PeerLink) -> None:
        async with cable_to(room.server.port) as cable, linked(f"127.0.0.1:{cable.port}") as link:
            await link.refresh()
            cable.cut()
            await until_gone(link)
            link.look()
            # It was said while nobody tried to reach the peer: it is not said later.
            await until_back(link)
            assert room.post.came == []

    tell(story)


def test_a_request_of_a_newer_node_is_refused_with_what_to_do() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        response = await link._line.ask(peer_pb2.Request())
        assert "update all nodes" in response.failure.message

    tell(story)
