"""Messages that arrive: now, later, and once for each idempotency key."""

import time

import perdure
import pytest
from mail.v1 import Confirmation, Invitation, Mail, MailServiceClient

from examples import ledger

TIMEOUT_S = 30.0


def mails_to(customer: str, count: int) -> list[str]:
    """Waits until so many mails have gone out."""
    deadline = time.monotonic() + TIMEOUT_S
    while len(mails := ledger.read(customer)) < count:
        assert time.monotonic() < deadline, f"{customer} got {mails} in {TIMEOUT_S:g} s"
        time.sleep(0.01)  # The mailbox is a file: nothing tells when it grows.
    return mails


def test_a_handler_waits_for_the_mail_that_it_asks_for(client: perdure.SyncClient) -> None:
    delivery = MailServiceClient(client).confirm(Confirmation(customer="alan", order_id="7"))
    assert delivery.message_id
    assert ledger.read("alan") == ["mailed 'your order 7'"]


def test_an_order_is_confirmed_once_however_often_it_is_asked_for(client: perdure.SyncClient) -> None:
    confirm = MailServiceClient(client).confirm
    first, second = (confirm(Confirmation(customer="edsger", order_id="8")) for _ in range(2))
    assert first == second
    assert ledger.read("edsger") == ["mailed 'your order 8'"]


def test_an_invitation_goes_out_at_once_and_its_reminder_later(client: perdure.SyncClient) -> None:
    MailServiceClient(client).invite(Invitation(customer="barbara", event="evening", remind_after_ms=200))
    assert mails_to("barbara", 2) == ["mailed 'come to the evening'", "mailed 'do not forget the evening'"]


def test_a_message_sent_from_outside_can_be_attached_to(client: perdure.SyncClient) -> None:
    handle = MailServiceClient(client).confirm.send(Confirmation(customer="tony", order_id="9"))
    assert handle.attach().message_id
    assert handle.output() == handle.attach()


def test_a_private_handler_does_not_exist_for_callers_from_outside(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="has no handler 'Deliver'") as refused:
        MailServiceClient(client).deliver(Mail(to="tony", subject="spam"))
    assert refused.value.code is perdure.StatusCode.UNIMPLEMENTED
