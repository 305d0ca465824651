"""Numbers as people write them."""

import math

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal


def read_decimal(name: str, text: str) -> float:
    """A finite number. Raises Refusal."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise Refusal(Status.INVALID_ARGUMENT, f"{name} is {text[:40]!r}; write a number, such as 1.5")
    return value
