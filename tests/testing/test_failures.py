"""What a handler raised comes out of the call that awaits it."""

from datetime import timedelta

import perdure
import pytest
from perdure.testing import HandlerFailed, TestRuntime, durable
from trial.v1 import Text, TrialClient

from tests.testing.handlers import Does


async def fail(ctx: perdure.Context, text: str) -> str:
    """Has a bug."""
    raise ZeroDivisionError("the till is empty")


async def call_first(ctx: perdure.Context, text: str) -> str:
    """Calls the other handler."""
    return (await TrialClient(ctx).first(Text())).text


@durable
async def test_without_retries_the_first_failure_is_raised_with_its_traceback() -> None:
    async with TestRuntime(Does(first=fail), retries=False) as runtime:
        with pytest.raises(HandlerFailed) as raised:
            await TrialClient(runtime.client).first(Text())
    assert raised.value.handler == "trial.v1.Trial/First"
    assert raised.value.reason == "ZeroDivisionError: the till is empty"
    assert 'raise ZeroDivisionError("the till is empty")' in str(raised.value)


@durable
async def test_a_failure_further_down_is_told_with_its_traceback_as_a_note() -> None:
    async with TestRuntime(Does(first=fail, second=call_first), retries=False) as runtime:
        with pytest.raises(perdure.TerminalError, match="the till is empty") as raised:
            await TrialClient(runtime.client).second(Text())
    assert 'raise ZeroDivisionError("the till is empty")' in "".join(raised.value.__notes__)


@durable
async def test_without_retries_a_step_is_not_tried_again_either() -> None:
    tries: list[int] = []

    def charge() -> None:
        tries.append(1)
        raise ConnectionError("no route to the bank")

    async def pay(ctx: perdure.Context, text: str) -> str:
        await ctx.run("charge", charge, retry=perdure.RetryPolicy(max_attempts=3))
        return text

    async with TestRuntime(Does(first=pay), retries=False) as runtime:
        with pytest.raises(HandlerFailed, match="no route to the bank"):
            await TrialClient(runtime.client).first(Text())
    assert tries == [1]


@durable
async def test_a_terminal_error_is_raised_as_it_is() -> None:
    async def refuse(ctx: perdure.Context, text: str) -> str:
        raise perdure.TerminalError("sold out", code=perdure.StatusCode.FAILED_PRECONDITION)

    for retries in (True, False):
        async with TestRuntime(Does(first=refuse), retries=retries) as runtime:
            with pytest.raises(perdure.TerminalError, match="sold out") as raised:
                await TrialClient(runtime.client).first(Text())
            assert raised.value.code is perdure.StatusCode.FAILED_PRECONDITION


@durable
async def test_a_handler_that_fails_without_end_is_raised_in_place_of_an_endless_test() -> None:
    async with TestRuntime(Does(first=fail, second=call_first)) as runtime:
        with pytest.raises(HandlerFailed, match="the till is empty") as raised:
            await TrialClient(runtime.client).second(Text())
    assert "has failed 20 times in a row" in raised.value.__notes__[0]


@durable
async def test_the_tries_of_a_step_follow_each_other_at_once_and_are_counted() -> None:
    tries: list[int] = []

    def charge() -> None:
        tries.append(1)
        raise ConnectionError("no route to the bank")

    async def pay(ctx: perdure.Context, text: str) -> str:
        policy = perdure.RetryPolicy(
            initial_interval=timedelta(hours=1), max_interval=timedelta(days=1), max_attempts=4
        )
        await ctx.run("charge", charge, retry=policy)
        return text

    async with TestRuntime(Does(first=pay)) as runtime:
        with pytest.raises(perdure.TerminalError, match="step 'charge' failed 4 times"):
            await TrialClient(runtime.client).first(Text())
    assert len(tries) == 4
