"""The order saga, called from outside: all of it holds, or none."""

import json
import subprocess

import perdure
import pytest
from accounts.v1 import GetAccountRequest, UserAccountClient
from orders.v1 import Item, Order, OrderServiceClient

from examples import ledger
from examples.demo.town import Town


def order(id: str, customer: str, card: str = "4242", skus: tuple[str, ...] = ("kettle", "cup")) -> Order:
    """An order of one piece of each."""
    items = [Item(sku=sku, quantity=1, price_cents=1_000) for sku in skus]
    return Order(id=id, customer=customer, card=card, items=items)


def test_an_order_is_charged_and_reserved_and_its_points_are_credited(client: perdure.SyncClient) -> None:
    receipt = OrderServiceClient(client).process(order("happy", "grace"))
    assert ledger.read("happy") == [f"charged 2000 as {receipt.payment_id}", "reserved 1 x kettle", "reserved 1 x cup"]
    account = UserAccountClient(client, "grace").get_account(GetAccountRequest())
    assert receipt.points == account.points == 20
    assert ledger.read("grace")[0] == "mailed 'your order happy'"


def test_an_order_that_cannot_be_reserved_is_undone_in_reverse(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="unicorn is out of stock") as refused:
        OrderServiceClient(client).process(order("undone", "hedy", skus=("kettle", "unicorn")))
    assert refused.value.code is perdure.StatusCode.FAILED_PRECONDITION
    charged, *others = ledger.read("undone")
    payment_id = charged.removeprefix("charged 2000 as ")
    assert others == ["reserved 1 x kettle", "released unicorn", "released kettle", f"refunded {payment_id}"]
    assert UserAccountClient(client, "hedy").get_account(GetAccountRequest()).points == 0


def test_a_declined_card_reserves_nothing(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="the card was declined"):
        OrderServiceClient(client).process(order("declined", "joan", card="4000 0002"))
    (refunded,) = ledger.read("declined")
    assert refunded.startswith("refunded ")


def test_curl_and_the_generated_client_share_an_order_by_its_idempotency_key(
    processes: Town, client: perdure.SyncClient
) -> None:
    receipt = OrderServiceClient(client).process(order("once", "mary"), idempotency_key="once")
    body = order("once", "mary").to_json()
    curl = ["curl", "--silent", f"http://{processes.ingress}/orders.v1.OrderService/Process", "--data", body]
    curl += ["--header", "content-type: application/json", "--header", "idempotency-key: once"]
    answer = json.loads(subprocess.run(curl, capture_output=True, check=True, timeout=60).stdout)
    assert answer["paymentId"] == receipt.payment_id
    assert len(ledger.read("once")) == 3
