"""`--retry`: how invocations are tried again whose contract says nothing about it."""

import dataclasses
import re

from perdure_runtime.cli.problem import Problem
from perdure_runtime.partition.policy import Execution, RetryPolicy

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
DURATION = re.compile(r"(\d+)(ms|s|m|h)")
EXAMPLE = "initial=50ms,factor=2,max-interval=10s,max-attempts=20,on-max-attempts=pause"


def read_defaults(text: str) -> Execution:
    """The defaults of a node; what ``text`` leaves out is as ever. Raises Problem."""
    policy = RetryPolicy()
    for part in filter(None, text.split(",")):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise Problem(f"--retry: {part!r} is no setting; write them as in {EXAMPLE}")
        policy = _with(policy, name, value)
    if policy.max_interval_ms < policy.initial_ms:
        raise Problem(
            f"--retry: max-interval is {policy.max_interval_ms} ms, shorter than initial, {policy.initial_ms} ms"
        )
    return Execution(retry=policy)


def _with(policy: RetryPolicy, name: str, value: str) -> RetryPolicy:
    match name:
        case "initial":
            return dataclasses.replace(policy, initial_ms=_duration_ms(name, value))
        case "max-interval":
            return dataclasses.replace(policy, max_interval_ms=_duration_ms(name, value))
        case "factor":
            try:
                factor = float(value)
            except ValueError:
                factor = 0.0
            if not 1 <= factor < 1_000:
                raise Problem(f"--retry: factor is {value!r}; write a number from 1 up to 1000")
            return dataclasses.replace(policy, factor=factor)
        case "max-attempts":
            if not value.isdigit():
                raise Problem(f"--retry: max-attempts is {value!r}; write a whole number, 0 for no end")
            return dataclasses.replace(policy, max_attempts=int(value))
        case "on-max-attempts":
            if value not in ("pause", "fail"):
                raise Problem(f"--retry: on-max-attempts is {value!r}; write pause or fail")
            return dataclasses.replace(policy, pause=value == "pause")
        case _:
            raise Problem(f"--retry: there is no setting {name!r}; write them as in {EXAMPLE}")


def _duration_ms(name: str, value: str) -> int:
    form = DURATION.fullmatch(value)
    if form is None:
        raise Problem(f"--retry: {name} is {value!r}; write a duration such as 50ms, 10s, 5m or 1h")
    return int(form[1]) * UNITS_MS[form[2]]
