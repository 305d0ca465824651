"""What people read of a journal: all that a replay compares, and no payload."""

import pytest
from perdure.vm.describe import describe
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, SendCommand, Target

from tests.partition.samples import (
    ALICE,
    EMAIL,
    call,
    clear_state,
    completed,
    run,
    send,
    set_state,
    sleep,
    step_failed,
)

SHARED_KEY_AND_HEADERS = Entry(
    send=SendCommand(target=Target(service="s.v1.S", handler="H"), idempotency_key="k", headers={"b": "2", "a": "1"})
)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (call(EMAIL, b"hi"), "call shop.v1.EmailService/Email with 2 bytes (347ca058)"),
        (call(ALICE, idempotency_key="k"), "key 'alice' with 0 bytes (1271cf25), idempotency key 'k'"),
        (send(EMAIL, delay_ms=5), "send to shop.v1.EmailService/Email after 5 ms with 0 bytes (1271cf25)"),
        (SHARED_KEY_AND_HEADERS, "idempotency key 'k', headers {'a': '1', 'b': '2'}"),
        (sleep(5), "sleep 5 ms"),
        (run("charge"), "run 'charge'"),
        (set_state("balance", b"10"), "set state 'balance' to 2 bytes ("),
        (clear_state("balance"), "clear state 'balance'"),
        (completed(3, 1), "completion of command 3"),
        (step_failed(3, 1, "timeout"), "failure of command 3"),
        (Entry(), "an entry of an unknown kind"),
    ],
)
def test_an_entry_in_words(entry: Entry, words: str) -> None:
    assert words in describe(entry)


def test_payloads_of_one_size_differ_in_words() -> None:
    assert describe(call(EMAIL, b"a")) != describe(call(EMAIL, b"b"))


def test_no_payload_reaches_the_words() -> None:
    assert "secret" not in describe(set_state("card", b"secret"))
