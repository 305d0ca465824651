"""What callers say beside their request, read and refused."""

import pytest
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import LONGEST_KEY, Wishes, read_wishes


def refused(*headers: tuple[bytes, bytes]) -> str:
    """The sentence that refuses these headers."""
    with pytest.raises(Refusal) as caught:
        read_wishes(headers)
    assert caught.value.code.name == "INVALID_ARGUMENT"
    return caught.value.message


def test_nothing_said_is_a_plain_call() -> None:
    assert read_wishes([]) == Wishes()


def test_what_belongs_to_the_transport_is_not_kept() -> None:
    said = [
        (b":path", b"/a/B"),
        (b"host", b"localhost"),
        (b"content-type", b"application/grpc"),
        (b"grpc-timeout", b"5S"),
        (b"perdure-unknown", b"1"),
        (b"sec-fetch-mode", b"cors"),
        (b"authorization", b"Bearer secret"),
        (b"cookie", b"session=secret"),
    ]
    assert read_wishes(said) == Wishes()


def test_other_headers_are_kept_and_twice_the_same_is_a_list() -> None:
    said = [(b"x-tenant", b"acme"), (b"x-tag", b"a"), (b"x-tag", b"b"), (b"x-name", "Zoë".encode("latin-1"))]
    assert read_wishes(said).headers == {"x-tenant": "acme", "x-tag": "a, b", "x-name": "Zoë"}


@pytest.mark.parametrize("value", [b"a\x00b", b"a\nb", b"a\rb", b"\x7f"])
def test_control_characters_are_refused(value: bytes) -> None:
    assert "x-tag" in refused((b"x-tag", value))
    assert "control characters" in refused((b"idempotency-key", value))


def test_a_tab_is_text() -> None:
    assert read_wishes([(b"x-tag", b"a\tb")]).headers == {"x-tag": "a\tb"}


@pytest.mark.parametrize(
    ("said", "delay_ms"),
    [(b"1500ms", 1_500), (b"30s", 30_000), (b"5m", 300_000), (b"12h", 43_200_000), (b"7d", 604_800_000), (b" 0s ", 0)],
)
def test_a_delay_is_a_number_and_a_unit_and_makes_a_send(said: bytes, delay_ms: int) -> None:
    wishes = read_wishes([(b"perdure-delay", said)])
    assert (wishes.delay_ms, wishes.one_way) == (delay_ms, True)


@pytest.mark.parametrize("said", [b"", b"5", b"1.5s", b"-1s", b"5 s", b"5S", b"1h30m", b"\xd9\xa5s", b"9" * 16 + b"ms"])
def test_another_delay_is_refused_with_examples(said: bytes) -> None:
    assert "such as 1500ms" in refused((b"perdure-delay", said))


def test_a_delay_of_centuries_is_refused() -> None:
    assert read_wishes([(b"perdure-delay", b"36500d")]).delay_ms == 36_500 * 86_400_000
    assert "the longest delay is 36500d" in refused((b"perdure-delay", b"36501d"))


def test_a_mode_is_call_or_send() -> None:
    assert read_wishes([(b"perdure-mode", b"send")]).one_way
    assert not read_wishes([(b"perdure-mode", b"call")]).one_way
    assert "it can be call or send" in refused((b"perdure-mode", b"cast"))
    assert "leave perdure-mode: call out" in refused((b"perdure-mode", b"call"), (b"perdure-delay", b"5s"))


def test_must_be_new_is_true_or_false() -> None:
    assert read_wishes([(b"perdure-must-be-new", b"true")]) == Wishes(must_be_new=True)
    assert read_wishes([(b"perdure-must-be-new", b"false")]) == Wishes()
    for said in (b"", b"1", b"True", b"yes"):
        assert "it can be true or false" in refused((b"perdure-must-be-new", said))


def test_an_idempotency_key_is_short_and_not_empty() -> None:
    assert read_wishes([(b"idempotency-key", b"k" * LONGEST_KEY)]).idempotency_key == "k" * LONGEST_KEY
    assert "has 0 bytes" in refused((b"idempotency-key", b""))
    assert f"has {LONGEST_KEY + 1} bytes" in refused((b"idempotency-key", b"k" * (LONGEST_KEY + 1)))
