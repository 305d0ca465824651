"""Many requests share a stream: they travel together, none is lost, and nobody needs memory without bound."""

import asyncio

import pytest
from perdure_protos.perdure.peer.v1 import peer_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.partition.input import Submit
from perdure_runtime.peer.link import PeerLink
from perdure_runtime.peer.outbox import MESSAGE_BYTES, MOST_BYTES, Outbox
from perdure_runtime.peer.server import Exchange
from perdure_runtime.peer.vocabulary import write_submit

from tests.peer.residents import VALUE, FakePost, FakeResidents, a_submit
from tests.peer.room import STORY_S, Room, tell

MANY = 1_000


def test_a_thousand_calls_at_once_are_all_answered_in_a_few_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[int] = []
    take = Outbox[peer_pb2.Request].take

    async def counted(outbox: Outbox[peer_pb2.Request]) -> list[peer_pb2.Request]:
        batch = await take(outbox)
        batches.append(len(batch))
        return batch

    monkeypatch.setattr(Outbox, "take", counted)

    async def story(room: Room, link: PeerLink) -> None:
        calls = [link.call(a_submit(f"inv_{number}")) for number in range(MANY)]
        assert await asyncio.gather(*calls) == [(f"inv_{number}", VALUE) for number in range(MANY)]
        # Requests and answers.
        assert sum(batches) == 2 * MANY
        assert len(batches) < MANY / 10

    tell(story)


def test_answers_come_in_any_order() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.open.clear()
        call = asyncio.create_task(link.call(a_submit()))
        await room.residents.until_waiting(1)
        room.residents.open.set()
        # It overtakes the call, which has yet to wake up.
        await link.refresh()
        assert await call == ("inv_1", VALUE)

    tell(story)


def test_a_caller_that_goes_withdraws_its_call_and_no_other() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        room.residents.open.clear()
        call = asyncio.create_task(link.call(a_submit("inv_1")))
        other = asyncio.create_task(link.call(a_submit("inv_2")))
        await room.residents.until_waiting(2)
        call.cancel()
        await room.residents.until_withdrawn(1)
        room.residents.open.set()
        assert await other == ("inv_2", VALUE)

    tell(story)


def test_a_call_whose_caller_goes_before_it_is_sent_is_never_made() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        call = asyncio.create_task(link.call(a_submit("inv_1")))
        await asyncio.sleep(0)
        call.cancel()
        await link.refresh()
        assert room.residents.asked == [("refresh",)]

    tell(story)


def test_large_calls_travel_too() -> None:
    async def story(room: Room, link: PeerLink) -> None:
        large = Submit("inv_1", a_submit().target, a_submit().mode, bytes(20 * MESSAGE_BYTES))
        assert await asyncio.gather(*(link.call(large) for _ in range(3))) == [("inv_1", VALUE)] * 3

    tell(story)


class SlowPeer:
    """Asks one question a message, without end, and takes no answer."""

    def __init__(self) -> None:
        self.asked = 0

    async def receive(self) -> bytes | None:
        self.asked += 1
        request = peer_pb2.Request(id=self.asked, call=write_submit(a_submit()))
        await asyncio.sleep(0)
        return peer_pb2.Requests(requests=[request]).SerializeToString()

    async def send(self, message: bytes) -> None:
        await asyncio.get_running_loop().create_future()


class Verbose(FakeResidents):
    """Every call of theirs has a large outcome."""

    async def call(self, submit: Submit) -> tuple[str, Outcome]:
        return submit.id, Outcome(value=bytes(MESSAGE_BYTES))


def test_a_peer_that_does_not_take_its_answers_is_not_read_any_further() -> None:
    async def story() -> None:
        peer = SlowPeer()
        exchange = asyncio.create_task(Exchange(Verbose(), FakePost(), peer).run())
        seen = -1
        async with asyncio.timeout(STORY_S):
            while peer.asked != seen:
                seen = peer.asked
                for _ in range(100):
                    await asyncio.sleep(0)
        assert MOST_BYTES // MESSAGE_BYTES <= peer.asked <= 2 * MOST_BYTES // MESSAGE_BYTES
        exchange.cancel()
        await asyncio.wait([exchange])

    asyncio.run(story())


class Nonsense(SlowPeer):
    """Says what are no requests."""

    async def receive(self) -> bytes | None:
        return b"\xff\xff\xff"


def test_a_peer_that_sends_nonsense_is_refused() -> None:
    async def story() -> None:
        with pytest.raises(Refusal, match="no Requests"):
            await Exchange(FakeResidents(), FakePost(), Nonsense()).run()

    asyncio.run(story())


def test_what_is_full_has_room_again_once_it_was_taken() -> None:
    async def story() -> None:
        outbox: Outbox[peer_pb2.Submit] = Outbox()
        part = peer_pb2.Submit(input=bytes(MESSAGE_BYTES - 100))
        while not outbox.is_full:
            outbox.put(part)
        waiting = asyncio.create_task(outbox.room())
        await asyncio.sleep(0)
        assert not waiting.done()
        # What is large travels alone.
        assert len(await outbox.take()) == 1
        await asyncio.wait_for(waiting, STORY_S)

    asyncio.run(story())
