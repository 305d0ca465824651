"""What people read of a journal: all that a replay compares, and no payload."""

import pytest
from perdure.vm.describe import describe
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    CallCommand,
    CancelCommand,
    CompleteAwakeableCommand,
    CompletePromiseCommand,
    Entry,
    Failure,
    GetPromiseCommand,
    InvocationName,
    Outcome,
    OutputCommand,
    PeekPromiseCommand,
    SendCommand,
    SendSignalCommand,
    Target,
)

from tests.partition.samples import (
    ALICE,
    EMAIL,
    call,
    clear_state,
    completed,
    read_state,
    run,
    send,
    set_state,
    signal,
    sleep,
    step_failed,
)
from tests.vm.samples import CLEAR_ALL, KEYS, await_signal, awakeable, cancellation, get_state

SHARED_KEY_AND_HEADERS = Entry(
    send=SendCommand(target=Target(service="s.v1.S", handler="H"), idempotency_key="k", headers={"b": "2", "a": "1"})
)

OTHER = InvocationName(invocation_id="inv_b")
ADA = InvocationName(workflow=Target(service="shop.v1.Signup", handler="Run", key="ada"))
DECLINED = Outcome(failure=Failure(code=10, message="declined"))
NEW = Entry(call=CallCommand(target=Target(service="s.v1.S", handler="H"), must_be_new=True))


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
        (read_state("balance", b"10"), "read state 'balance': 2 bytes ("),
        (read_state("balance", None), "read state 'balance': not set"),
        (CLEAR_ALL, "clear all state"),
        (get_state("balance"), "get state 'balance'"),
        (KEYS, "get the keys of the state"),
        (awakeable("awk_secret"), "awakeable of shop.v1.Word"),
        (
            Entry(complete_awakeable=CompleteAwakeableCommand(id="awk_secret", result=DECLINED)),
            "error 10 'declined' for",
        ),
        (Entry(get_promise=GetPromiseCommand(name="paid")), "get promise 'paid'"),
        (Entry(peek_promise=PeekPromiseCommand(name="paid")), "peek promise 'paid'"),
        (
            Entry(complete_promise=CompletePromiseCommand(name="paid", result=Outcome(value=b"hi"))),
            "value of 2 bytes (347ca058) for promise 'paid'",
        ),
        (await_signal("approved"), "await signal 'approved' of shop.v1.Word"),
        (
            Entry(send_signal=SendSignalCommand(invocation=OTHER, name="approved", result=DECLINED)),
            "send signal 'approved' to inv_b: error 10 'declined'",
        ),
        (Entry(attach=AttachCommand(invocation=OTHER)), "attach to inv_b"),
        (Entry(output=OutputCommand(invocation=ADA)), "look at the run of shop.v1.Signup/Run key 'ada'"),
        (Entry(cancel=CancelCommand(name=ADA)), "cancel the run of shop.v1.Signup/Run key 'ada'"),
        (Entry(cancel=CancelCommand(call=3)), "cancel call 3"),
        (NEW, "call s.v1.S/H with 0 bytes (1271cf25), must be new"),
        (signal("approved"), "signal 'approved'"),
        (cancellation(), "cancellation"),
        (completed(3, 1), "completion of command 3"),
        (step_failed(3, 1, "timeout"), "failure of command 3"),
        (Entry(), "an entry of an unknown kind"),
    ],
)
def test_an_entry_in_words(entry: Entry, words: str) -> None:
    assert words in describe(entry)


def test_payloads_of_one_size_differ_in_words() -> None:
    assert describe(call(EMAIL, b"a")) != describe(call(EMAIL, b"b"))


@pytest.mark.parametrize(
    "entry",
    [
        awakeable("awk_secret"),
        Entry(complete_awakeable=CompleteAwakeableCommand(id="awk_secret", result=DECLINED)),
    ],
)
def test_the_id_of_an_awakeable_is_told_to_nobody(entry: Entry) -> None:
    assert "secret" not in describe(entry)


def test_no_payload_reaches_the_words() -> None:
    assert "secret" not in describe(set_state("card", b"secret"))
