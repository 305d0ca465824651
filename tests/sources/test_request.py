"""What a message becomes: a call that is checked as any other, or words that say what is wrong."""

import pytest
from perdure import codec
from perdure_runtime.partition.rows import Mark
from perdure_runtime.sources.port import Message
from perdure_runtime.sources.request import MOST_HEADERS, Calling, Unfit, place_of, scheduled
from trial.v1 import AddRequest, Text

from tests.sources.counting import HANDLER, PLAIN
from tests.sources.room import SERVED

JSON, WIRE = Calling(HANDLER, is_json=True), Calling(HANDLER, is_json=False)
REQUEST = AddRequest(counter="c", reason="paid")


def test_json_becomes_the_request_of_the_object_that_it_names() -> None:
    call = JSON.submission(SERVED, "source", Message(3, b'{"counter": "c", "reason": "paid"}'))
    assert (call.service, call.handler, call.key) == ("trial.v1.Counter", "Add", "c")
    assert AddRequest().parse(call.input) == REQUEST
    assert call.mark == Mark("source", 3)


def test_protobuf_becomes_the_same_call() -> None:
    call = WIRE.submission(SERVED, "source", Message(3, codec.encode(REQUEST)))
    assert call == JSON.submission(SERVED, "source", Message(3, b'{"counter": "c", "reason": "paid"}'))


@pytest.mark.parametrize(
    ("value", "key", "called"),
    [(b"{}", b"beside", "beside"), (b'{"counter": "within"}', b"beside", "within"), (b'{"counter": "c"}', None, "c")],
)
def test_the_key_of_a_message_is_the_key_where_the_request_has_none(value: bytes, key: bytes, called: str) -> None:
    call = JSON.submission(SERVED, "source", Message(0, value, key))
    assert (call.key, AddRequest().parse(call.input).counter) == (called, called)


def test_messages_without_a_key_go_each_to_the_same_place_and_are_spread() -> None:
    def place(position: int) -> int:
        return place_of(Calling(PLAIN, is_json=True).submission(SERVED, "source", Message(position, b"{}")))

    assert [place(position) for position in range(50)] == [place(position) for position in range(50)]
    assert len({place(position) for position in range(50)}) > 40


@pytest.mark.parametrize(
    ("calling", "message", "says"),
    [
        (JSON, Message(0, None), "has no value"),
        (JSON, Message(0, b"\xff"), "is no UTF-8"),
        (JSON, Message(0, b"{"), "it is no JSON"),
        (JSON, Message(0, b'{"other": 1}'), "it is no trial.v1.AddRequest"),
        (JSON, Message(0, b"{}"), "counter"),
        (JSON, Message(0, b"{}", b"\xff"), "counter"),
        (WIRE, Message(0, b"\xff"), "trial.v1.AddRequest"),
        (Calling("trial.v1.Counter/Sub", is_json=True), Message(0, b"{}"), "no deployment serves trial.v1.Counter/Sub"),
    ],
)
def test_what_cannot_become_a_call_says_why(calling: Calling, message: Message, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        calling.submission(SERVED, "source", message)


def test_headers_that_are_text_are_kept_and_those_of_the_runtime_are_not() -> None:
    headers = (
        ("TraceParent", b"00-1"),
        ("list", b"a"),
        ("list", b"b"),
        ("idempotency-key", b"x"),
        ("content-type", b"y"),
        ("binary", b"\xff"),
        ("line", b"a\nb"),
        ("", b"unnamed"),
    )
    call = JSON.submission(SERVED, "source", Message(0, b'{"counter": "c"}', None, headers))
    assert call.headers == {"traceparent": "00-1", "list": "a, b"}


def test_no_more_headers_are_kept_than_there_is_room_for() -> None:
    headers = (("first", b"1"), ("huge", b"x" * MOST_HEADERS), ("last", b"1"))
    call = JSON.submission(SERVED, "source", Message(0, b'{"counter": "c"}', None, headers))
    assert call.headers == {"first": "1"}


def test_a_schedule_without_a_request_calls_with_an_empty_one_and_always_at_the_same_place() -> None:
    first, second = (scheduled(SERVED, PLAIN, "", Mark("schedule/x", due_ms)) for due_ms in (1, 2))
    assert Text().parse(first.input) == Text()
    assert place_of(first) == place_of(second)
