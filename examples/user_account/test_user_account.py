"""The user account, called from outside: one writer a customer, typed state."""

from concurrent.futures import ThreadPoolExecutor

import perdure
import pytest
from accounts.v1 import GetAccountRequest, UpdateBalanceRequest, UserAccountClient


def test_concurrent_updates_of_one_customer_are_all_counted(client: perdure.SyncClient) -> None:
    account = UserAccountClient(client, "ada")
    with ThreadPoolExecutor(max_workers=16) as callers:
        balances = list(
            callers.map(
                lambda _: account.update_balance(UpdateBalanceRequest(amount_cents=10)).balance_cents, range(100)
            )
        )
    # One writer at a time: each update saw the one before it.
    assert sorted(balances) == list(range(10, 1_010, 10))


def test_a_balance_never_goes_below_zero(client: perdure.SyncClient) -> None:
    account = UserAccountClient(client, "bob")
    account.update_balance(UpdateBalanceRequest(amount_cents=500))
    with pytest.raises(perdure.TerminalError, match="insufficient funds") as refused:
        account.update_balance(UpdateBalanceRequest(amount_cents=-501))
    assert refused.value.code is perdure.StatusCode.FAILED_PRECONDITION
    assert account.get_account(GetAccountRequest()).balance_cents == 500


def test_an_account_that_was_never_written_has_no_time(client: perdure.SyncClient) -> None:
    account = UserAccountClient(client, "nobody").get_account(GetAccountRequest())
    assert (account.customer, account.balance_cents, account.points) == ("nobody", 0, 0)
    assert account == type(account)(customer="nobody")
