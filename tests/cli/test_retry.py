"""`--retry`: the defaults of a node."""

import pytest
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.retry import read_defaults
from perdure_runtime.partition.policy import RetryPolicy


def test_each_setting_is_read_and_what_is_left_out_is_as_ever() -> None:
    assert read_defaults("").retry == RetryPolicy()
    text = "initial=100ms, factor=1.5, max-interval=2m, max-attempts=7, on-max-attempts=fail"
    assert read_defaults(text).retry == RetryPolicy(100, 1.5, 120_000, 7, pause=False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("seven", "'seven' is no setting"),
        ("attempts=7", "there is no setting 'attempts'"),
        ("initial=5", "initial is '5'; write a duration"),
        ("factor=0.5", "factor is '0.5'; write a number from 1"),
        ("factor=x", "factor is 'x'"),
        ("factor=nan", "factor is 'nan'"),
        ("max-attempts=-1", "max-attempts is '-1'; write a whole number"),
        ("on-max-attempts=stop", "on-max-attempts is 'stop'; write pause or fail"),
        ("initial=1m", "max-interval is 10000 ms, shorter than initial, 60000 ms"),
    ],
)
def test_a_wrong_setting_is_one_sentence_that_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(Problem, match=f"^--retry: {says}"):
        read_defaults(text)
