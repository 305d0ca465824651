"""What a client is made with and called with: taken as people write it, or refused with what to write."""

from datetime import timedelta

import pytest
from perdure import Client, UsageError

from tests.sdk.contract import StoryClient, Word
from tests.sdk.ingress import FakeIngress, hello, meet


@pytest.mark.parametrize(
    "address",
    ["localhost", "localhost:", ":8080", "localhost:http", "ftp://localhost:1", "http://a:1/path", "a:99999", ""],
)
def test_what_is_no_address_is_refused_with_what_to_write(address: str) -> None:
    with pytest.raises(UsageError, match="localhost:8080"):
        Client(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1:8080", "http://127.0.0.1:8080", "http://127.0.0.1:8080/", "https://localhost:8080", "[::1]:8080"],
)
def test_addresses_that_people_write_are_understood(address: str) -> None:
    assert Client(address)._connections.address.endswith(":8080")


@pytest.mark.parametrize("timeout", [timedelta(0), timedelta(seconds=-1), timedelta(days=9999)])
def test_a_timeout_that_makes_no_sense_is_refused(timeout: timedelta) -> None:
    with pytest.raises(UsageError, match="timeout"):
        Client("localhost:8080", timeout=timeout)


@pytest.mark.parametrize(
    ("headers", "key", "says"),
    [
        ({"perdure-mode": "send"}, "", "perdure's own"),
        ({"grpc-timeout": "1S"}, "", "perdure's own"),
        ({"Content-Type": "text"}, "", "perdure's own"),
        ({"tenant-bin": "x"}, "", "'-bin'"),
        ({"two words": "x"}, "", "no name of a header"),
        ({"tenant": "größer"}, "", "printable ASCII"),
        ({"tenant": ""}, "", "not the empty string"),
        ({}, "schlüssel", "printable ASCII"),
        ({}, "two\nlines", "printable ASCII"),
    ],
)
def test_what_cannot_travel_is_refused_before_it_does(headers: dict[str, str], key: str, says: str) -> None:
    async def story(client: Client, ingress: FakeIngress) -> None:
        with pytest.raises(UsageError, match=says):
            await StoryClient(client).do(Word(), headers=headers, idempotency_key=key)
        assert ingress.asked == []

    meet(hello, story)
