"""What operators set goes over what contracts say, field by field, for these services alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from perdure_protos.perdure.admin.v1.deployments_pb2 import RetryPolicy, ServiceSettings
from perdure_runtime.contracts import ContractError
from perdure_runtime.contracts.overlay import DURATIONS, check, overlaid
from perdure_runtime.partition.policy import RetryPolicy as Policy

from tests.ingress.http import shop

ORDERS, ACCOUNTS = "shop.v1.Orders", "shop.v1.Accounts"
SETTINGS = st.builds(
    ServiceSettings,
    public=st.none() | st.booleans(),
    **{name: st.none() | st.integers(0, 10**9) for name in DURATIONS},
    retry=st.none() | st.builds(RetryPolicy, factor=st.floats(1, 9), max_attempts=st.integers(0, 9)),
)


@given(SETTINGS)
def test_what_is_set_wins_and_what_is_not_stays(settings: ServiceSettings) -> None:
    said = shop.contracts()
    check(settings)
    set_ = overlaid(said, {ORDERS: settings})
    for name, handler in set_[ORDERS].handlers.items():
        before, how = said[ORDERS].handlers[name].execution, handler.execution
        for field in DURATIONS:
            attribute = field.replace("idempotency", "outcome")
            wished = getattr(settings, field) if settings.HasField(field) else getattr(before, attribute)
            assert getattr(how, attribute) == wished
        assert handler.public == (
            settings.public if settings.HasField("public") else said[ORDERS].handlers[name].public
        )
        if not settings.HasField("retry"):
            assert how.retry == before.retry
        else:
            assert how.retry == Policy(0, settings.retry.factor, 0, settings.retry.max_attempts, False)
        assert handler.mode.outcome_retention_ms == how.outcome_retention_ms
        assert handler.mode.journal_retention_ms == how.journal_retention_ms
    assert set_[ACCOUNTS] is said[ACCOUNTS]
    assert set_.handlers["/shop.v1.Orders/Process"] is set_[ORDERS].handlers["Process"]


def test_contracts_of_which_nothing_is_said_stay_the_same() -> None:
    said = shop.contracts()
    assert overlaid(said, {}) is said
    assert overlaid(said, {"shop.v1.Nobody": ServiceSettings(public=False)}) is said


@pytest.mark.parametrize(
    "retry",
    [
        RetryPolicy(factor=0),
        RetryPolicy(factor=float("nan")),
        RetryPolicy(factor=float("inf")),
        RetryPolicy(factor=1, initial_interval_ms=-1),
        RetryPolicy(factor=1, max_interval_ms=2**62),
    ],
)
def test_a_retry_policy_that_is_none_is_refused(retry: RetryPolicy) -> None:
    with pytest.raises(ContractError, match=r"retry"):
        check(ServiceSettings(retry=retry))
