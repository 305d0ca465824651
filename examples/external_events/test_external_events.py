"""A payment that somebody else makes, told with curl: paid, declined, or never heard of."""

import json
import subprocess
from datetime import timedelta

import perdure
import pytest
from payments.v1 import CheckoutClient, Payment, PayRequest, Receipt

from examples import ledger
from examples.demo.town import Town
from examples.watching import wait_for_line

HOUR = timedelta(hours=1)


def callback_of(order_id: str) -> str:
    """Where the provider was asked to call, once it was."""
    return wait_for_line(order_id, "opened a payment").split()[-1]


def curl(processes: Town, path: str, body: object) -> tuple[int, dict[str, object]]:
    """The status and the answer of a POST."""
    command = ["curl", "--silent", "--write-out", "\n%{http_code}", f"http://{processes.ingress}{path}"]
    command += ["--header", "content-type: application/json", "--data", json.dumps(body)]
    answer, status = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.rsplit(b"\n", 1)
    return int(status), json.loads(answer)


def test_a_webhook_brings_the_payment(processes: Town, client: perdure.SyncClient) -> None:
    handle = CheckoutClient(client).pay.send(PayRequest(order_id="paid", cents=4_200, wait_for=HOUR))
    webhook = callback_of("paid") + "/resolve"
    assert handle.output() is None
    assert curl(processes, webhook, {"reference": "tx-1", "cents": 4_200}) == (200, {})
    assert handle.attach() == Receipt(order_id="paid", reference="tx-1")


def test_a_webhook_that_comes_while_the_handler_is_dead_is_kept(processes: Town, client: perdure.SyncClient) -> None:
    handle = CheckoutClient(client).pay.send(PayRequest(order_id="patient", cents=4_200, wait_for=HOUR))
    webhook = callback_of("patient") + "/resolve"
    endpoint = processes.endpoints["payments"]
    endpoint.kill()
    assert curl(processes, webhook, {"reference": "tx-4", "cents": 4_200}) == (200, {})
    endpoint.start()
    assert handle.attach().reference == "tx-4"
    # The provider may have been told twice, if the kill came before the journal entry; but always of one callback.
    assert len(set(ledger.read("patient"))) == 1


def test_a_webhook_that_is_no_payment_is_refused_and_the_right_one_still_counts(
    processes: Town, client: perdure.SyncClient
) -> None:
    handle = CheckoutClient(client).pay.send(PayRequest(order_id="garbled", cents=1, wait_for=HOUR))
    webhook = callback_of("garbled") + "/resolve"
    status, answer = curl(processes, webhook, {"colour": "red"})
    assert (status, answer["code"]) == (400, "invalid_argument")
    assert curl(processes, webhook, {"reference": "tx-2"})[0] == 200
    assert handle.attach().reference == "tx-2"


def test_a_declined_payment_fails_with_what_the_provider_says(processes: Town, client: perdure.SyncClient) -> None:
    handle = CheckoutClient(client).pay.send(PayRequest(order_id="refused", cents=1, wait_for=HOUR))
    declined = {"message": "the card was declined", "code": "ABORTED"}
    assert curl(processes, callback_of("refused") + "/reject", declined)[0] == 200
    with pytest.raises(perdure.TerminalError, match="the card was declined") as failed:
        handle.attach()
    assert failed.value.code is perdure.StatusCode.ABORTED


def test_a_payment_that_nobody_makes_is_closed_in_time(client: perdure.SyncClient) -> None:
    soon = timedelta(milliseconds=50)
    with pytest.raises(perdure.TerminalError, match="nobody paid forgotten") as failed:
        CheckoutClient(client).pay(PayRequest(order_id="forgotten", cents=1, wait_for=soon))
    assert failed.value.code is perdure.StatusCode.DEADLINE_EXCEEDED
    assert ledger.read("forgotten")[-1] == "closed the payment"


def test_a_python_program_can_tell_of_a_payment_too(client: perdure.SyncClient) -> None:
    handle = CheckoutClient(client).pay.send(PayRequest(order_id="python", cents=1, wait_for=HOUR))
    client.resolve_awakeable(callback_of("python").rpartition("/")[2], Payment(reference="tx-3"))
    assert handle.attach().reference == "tx-3"
