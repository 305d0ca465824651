"""What callers say beside their request: metadata of gRPC, headers of HTTP."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

IDEMPOTENCY_KEY = b"idempotency-key"
MODE = b"perdure-mode"
DELAY = b"perdure-delay"
MUST_BE_NEW = b"perdure-must-be-new"
INVOCATION_ID = b"perdure-invocation-id"

# Words between caller and server; they mean nothing to a handler, or must not be written to a journal.
RESERVED = frozenset(
    b"host te user-agent connection keep-alive upgrade expect content-type content-length content-encoding "
    b"transfer-encoding trailer accept accept-encoding accept-language accept-charset origin referer "
    b"authorization x-api-key proxy-authorization proxy-connection cookie connect-protocol-version connect-timeout-ms "
    b"connect-accept-encoding connect-content-encoding".split()
)
RESERVED_PREFIXES = (b":", b"grpc-", b"perdure-", b"sec-")

UNITS_MS = {b"ms": 1, b"s": 1_000, b"m": 60_000, b"h": 3_600_000, b"d": 86_400_000}
DELAY_FORM = re.compile(rb"(\d{1,15})(ms|s|m|h|d)")
LONGEST_DELAY_MS = 100 * 365 * 86_400_000
LONGEST_KEY = 1_024
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a call is to be made; ``must_be_new`` is for runs of workflows. ``headers`` go with the invocation."""

    idempotency_key: str = ""
    one_way: bool = False
    delay_ms: int = 0
    must_be_new: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


NONE = Wishes()


def read_wishes(headers: Iterable[tuple[bytes, bytes]]) -> Wishes:
    """Reads lower-case header names with their values. Raises Refusal."""
    kept: dict[str, str] | None = None
    idempotency_key = mode = delay = must_be_new = None
    for name, value in headers:
        if name in RESERVED:
            continue
        if name == IDEMPOTENCY_KEY:
            idempotency_key = value
        elif name == MODE:
            mode = value
        elif name == DELAY:
            delay = value
        elif name == MUST_BE_NEW:
            must_be_new = value
        elif not name.startswith(RESERVED_PREFIXES):
            kept = _keep(kept, name, value)
    if kept is None and idempotency_key is None and mode is None and delay is None and must_be_new is None:
        return NONE
    delay_ms = 0 if delay is None else _delay_ms(delay)
    return Wishes(
        idempotency_key="" if idempotency_key is None else _idempotency_key(idempotency_key),
        one_way=_one_way(mode, delay),
        delay_ms=delay_ms,
        must_be_new=must_be_new is not None and _must_be_new(must_be_new),
        headers=kept or {},
    )


def _keep(kept: dict[str, str] | None, name: bytes, value: bytes) -> dict[str, str]:
    if CONTROL.search(name) or CONTROL.search(value):
        raise Refusal(Status.INVALID_ARGUMENT, f"header {name[:100]!r} holds control characters; leave them out")
    if kept is None:
        kept = {}
    key, text = name.decode("latin-1"), value.decode("latin-1")
    # A header that comes twice is a list, as everywhere in HTTP.
    kept[key] = f"{kept[key]}, {text}" if key in kept else text
    return kept


def _idempotency_key(value: bytes) -> str:
    if not value or len(value) > LONGEST_KEY or CONTROL.search(value):
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"idempotency-key has {len(value)} bytes; use 1 to {LONGEST_KEY}, without control characters",
        )
    return value.decode("latin-1")


def _one_way(mode: bytes | None, delay: bytes | None) -> bool:
    if mode is None:
        return delay is not None
    if mode == b"send":
        return True
    if mode == b"call" and delay is None:
        return False
    if mode == b"call":
        raise Refusal(Status.INVALID_ARGUMENT, "perdure-delay is for one-way sends; leave perdure-mode: call out")
    raise Refusal(Status.INVALID_ARGUMENT, f"perdure-mode is {_shown(mode)}; it can be call or send")


def _delay_ms(value: bytes) -> int:
    form = DELAY_FORM.fullmatch(value.strip())
    if form is None:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"perdure-delay is {_shown(value)}; write a whole number and a unit, such as 1500ms, 30s, 5m, 12h or 7d",
        )
    delay_ms = int(form[1]) * UNITS_MS[form[2]]
    if delay_ms > LONGEST_DELAY_MS:
        raise Refusal(Status.INVALID_ARGUMENT, f"perdure-delay is {_shown(value)}; the longest delay is 36500d")
    return delay_ms


def _must_be_new(value: bytes) -> bool:
    if value in (b"true", b"false"):
        return value == b"true"
    raise Refusal(Status.INVALID_ARGUMENT, f"perdure-must-be-new is {_shown(value)}; it can be true or false")


def _shown(value: bytes) -> str:
    return repr(value[:100].decode("latin-1"))
