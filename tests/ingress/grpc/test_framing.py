"""Messages cut from a body, however it comes."""

import contextlib
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_runtime.ingress.grpc.framing import MessageReader, frame
from perdure_runtime.ingress.limits import Buffered
from perdure_runtime.ingress.refusal import Refusal

MOST = 100


@given(messages=st.lists(st.binary(max_size=MOST), max_size=20), data=st.data())
def test_messages_are_the_same_in_whatever_pieces_they_come(messages: list[bytes], data: st.DataObject) -> None:
    buffered = Buffered(10_000)
    reader = MessageReader(MOST, buffered, gzip=False, single=False)
    body = b"".join(map(frame, messages))
    read: list[bytes] = []
    while body:
        size = data.draw(st.integers(1, len(body)))
        reader.feed(body[:size])
        body = body[size:]
        read.extend(iter(reader.next, None))
    assert read == messages
    assert reader.held == 0
    assert buffered.take(10_000)


@given(body=st.binary(max_size=300), size=st.integers(1, 50), single=st.booleans(), zipped=st.booleans())
def test_any_bytes_are_messages_or_a_refusal_and_nothing_stays_counted(
    body: bytes, size: int, single: bool, zipped: bool
) -> None:
    buffered = Buffered(1_000)
    reader = MessageReader(MOST, buffered, gzip=zipped, single=single)
    # Whatever else is raised fails the test.
    with contextlib.suppress(Refusal):
        for start in range(0, len(body), size):
            reader.feed(body[start : start + size])
            while not single and (message := reader.next()) is not None:
                assert len(message) <= MOST
        if single:
            assert len(reader.only()) <= MOST
    reader.drop()
    assert buffered.take(1_000)


def test_what_is_held_is_counted_until_it_is_read() -> None:
    buffered = Buffered(100)
    reader = MessageReader(MOST, buffered, gzip=False, single=True)
    reader.feed(frame(bytes(60))[:50])
    assert not buffered.take(51)
    with pytest.raises(Refusal, match="too many large requests at once"):
        MessageReader(MOST, buffered, gzip=False, single=True).feed(frame(bytes(60)))
    reader.feed(frame(bytes(60))[50:])
    assert reader.only() == bytes(60)
    assert buffered.take(100)


def test_a_message_over_the_limit_is_refused_by_its_prefix() -> None:
    reader = MessageReader(MOST, Buffered(1_000), gzip=False, single=True)
    with pytest.raises(Refusal, match="larger than 100 bytes"):
        reader.feed(frame(bytes(MOST + 1))[:5])


def test_a_message_that_is_too_large_unzipped_is_refused() -> None:
    reader = MessageReader(MOST, Buffered(1_000), gzip=True, single=True)
    zipped = gzip.compress(bytes(MOST + 1))
    reader.feed(b"\x01" + len(zipped).to_bytes(4, "big") + zipped)
    with pytest.raises(Refusal, match="larger than 100 bytes"):
        reader.only()


def test_a_second_message_is_refused_before_it_is_collected() -> None:
    reader = MessageReader(MOST, Buffered(1_000), gzip=False, single=True)
    reader.feed(frame(b"one"))
    with pytest.raises(Refusal, match="more than one message"):
        reader.feed(b"\x00")


def test_many_small_messages_in_one_piece_are_cut_without_copying_the_rest_each_time() -> None:
    reader = MessageReader(MOST, Buffered(10_000_000), gzip=False, single=False)
    reader.feed(frame(b"x") * 100_000 + b"\x00")
    assert sum(1 for _ in iter(reader.next, None)) == 100_000
    assert reader.held == 1
