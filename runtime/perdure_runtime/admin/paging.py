"""Pages of long answers: how many there are on one, and the token that tells where the next begins.

A token says what the last row was, so that rows which come and go meanwhile neither hide others nor show them twice.
"""

import base64
import json
from collections.abc import Sequence
from typing import TypeAlias

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.partition.rows import LAST_MS

# Numbers in places are moments.
Place: TypeAlias = Sequence[str | int]


def size_of(asked: int, default: int = 50, most: int = 1_000) -> int:
    """How many rows a page has, when a caller asks for so many; 0 stands for the default."""
    return min(asked or default, most)


def token_of(place: Place) -> str:
    """The token of a place."""
    return base64.urlsafe_b64encode(json.dumps(list(place), ensure_ascii=False).encode()).decode().rstrip("=")


def place_of(token: str, like: Place) -> Place | None:
    """The place that a token names: values of the types of ``like``. None for no token. Raises Refusal."""
    if not token:
        return None
    try:
        found = json.loads(base64.b64decode(token + "=" * (-len(token) % 4), altchars="-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise _foreign(token) from error
    if not isinstance(found, list) or [type(value) for value in found] != [type(value) for value in like]:
        raise _foreign(token)
    if not all(0 <= value <= LAST_MS for value in found if isinstance(value, int)):
        raise _foreign(token)
    return found


def _foreign(token: str) -> Refusal:
    return Refusal(
        Status.INVALID_ARGUMENT,
        f"page_token {token[:40]!r} is none of this list; give the next_page_token of its last page, or none for the "
        "first",
    )
