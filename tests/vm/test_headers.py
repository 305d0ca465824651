"""Headers that perdure adds to calls and sends are those of the journal; the handler's own are compared with it."""

from collections.abc import Callable, Mapping
from typing import TypeAlias

import pytest
from perdure.vm.errors import JournalMismatch
from perdure.vm.headers import ADDED
from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, SendCommand, Target

from tests.vm.samples import machine

Make: TypeAlias = Callable[[Mapping[str, str]], Entry]
TARGET = Target(service="shop.v1.Mail", handler="Send")
ADDED_THEN = dict.fromkeys(ADDED, "then")
ADDED_NOW = dict.fromkeys(ADDED, "now")


def call(headers: Mapping[str, str]) -> Entry:
    """A call with headers."""
    return Entry(call=CallCommand(target=TARGET, headers=headers))


def send(headers: Mapping[str, str]) -> Entry:
    """A send with headers."""
    return Entry(send=SendCommand(target=TARGET, headers=headers))


@pytest.mark.parametrize("make", [call, send])
@pytest.mark.parametrize(("then", "now"), [(ADDED_THEN, ADDED_NOW), (ADDED_THEN, {}), ({}, ADDED_NOW)])
def test_what_perdure_adds_may_differ_between_attempts(
    make: Make, then: Mapping[str, str], now: Mapping[str, str]
) -> None:
    again = machine(make({"tenant": "blue", **then}))

    assert again.issue(make({"tenant": "blue", **now})) == 0
    assert not again.replaying


@pytest.mark.parametrize("make", [call, send])
def test_what_the_handler_says_must_not(make: Make) -> None:
    again = machine(make({"tenant": "blue", **ADDED_THEN}))

    with pytest.raises(JournalMismatch):
        again.issue(make({"tenant": "red", **ADDED_THEN}))
