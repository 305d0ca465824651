"""What operators define has names: subscriptions and schedules."""

from collections.abc import Mapping
from typing import TypeVar

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

Definition = TypeVar("Definition")


def check_found(name: str, known: Mapping[str, Definition]) -> Definition:
    """The definition of a name. Raises Refusal."""
    if name not in known:
        raise Refusal(Status.NOT_FOUND, f"there is no {name[:100]!r} any more: it was removed meanwhile")
    return known[name]


def read_pairs(field: str, text: str) -> dict[str, str]:
    """Lines of ``name=value``. Raises Refusal."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, equals, value = line.partition("=")
        if not equals or not name.strip():
            raise Refusal(Status.INVALID_ARGUMENT, f"{field} has the line {line[:60]!r}; write name=value in each line")
        found[name.strip()] = value.strip()
    return found
