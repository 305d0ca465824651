"""Many questions at once, and what is made of their answers."""

import perdure
import pytest
from quotes.v1 import BuyerClient, CompareRequest, PriceListRequest

from examples.watching import wait_for_line


def test_a_list_is_priced_in_its_own_order(client: perdure.SyncClient) -> None:
    request = PriceListRequest(supplier="acme", skus=["teapot", "cup", "kettle", "cup"])
    answer = BuyerClient(client).price_list(request)
    assert [price.cents for price in answer.prices] == [3_100, 450, 4_200, 450]
    assert answer.total_cents == 8_200


def test_one_thing_that_cannot_be_had_fails_the_list_and_ends_the_other_questions(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="globex sells no teapot") as failed:
        BuyerClient(client).price_list(PriceListRequest(supplier="globex", skus=["antique", "cup", "teapot"]))
    assert failed.value.code is perdure.StatusCode.NOT_FOUND
    wait_for_line("antique", "hung up on globex")


def test_the_cheapest_of_all_quotes_is_taken_and_who_has_none_left_out(client: perdure.SyncClient) -> None:
    request = CompareRequest(sku="kettle", suppliers=["acme", "globex", "initech"], enough=3)
    answer = BuyerClient(client).compare(request)
    assert (answer.cheapest.supplier, answer.cheapest.cents) == ("globex", 3_900)
    assert {price.supplier for price in answer.prices} == {"acme", "globex"}
    assert answer.refusals == ["initech sells no kettle"]


def test_what_nobody_sells_is_not_found(client: perdure.SyncClient) -> None:
    with pytest.raises(perdure.TerminalError, match="nobody sells unicorn") as failed:
        BuyerClient(client).compare(CompareRequest(sku="unicorn", suppliers=["acme", "globex"], enough=1))
    assert failed.value.code is perdure.StatusCode.NOT_FOUND


def test_a_supplier_who_never_answers_holds_nobody_up_and_is_asked_no_further(client: perdure.SyncClient) -> None:
    answer = BuyerClient(client).compare(CompareRequest(sku="cup", suppliers=["zenith", "acme", "globex"], enough=2))
    assert answer.cheapest.supplier == "acme"
    wait_for_line("cup", "hung up on zenith")
