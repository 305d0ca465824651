"""Times and lengths of time as people read and write them."""

import re
from datetime import UTC, datetime, timedelta

from grpclib.const import Status

from perdure_runtime.ingress.refusal import Refusal

UNITS_MS = {"ms": 1, "s": 1_000, "min": 60_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,6})?)\s*(ms|s|min|m|h|d)\s*")
# The greatest unit first, of which a length is told in two.
STEPS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))
# So near to now, nothing is gained by a number.
NOW_MS = 1_000


def exact(at_ms: int) -> str:
    """A time to the millisecond, in UTC."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def machine(at_ms: int) -> str:
    """A time as the attribute of an element ``time`` has it."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def span(length_ms: float) -> str:
    """A length of time in its two greatest units: "2 h 5 min", "1.25 s", "3 ms"."""
    if length_ms < 10:
        return f"{length_ms:.2g} ms" if length_ms % 1 else f"{length_ms:.0f} ms"
    if length_ms < 1_000:
        return f"{length_ms:.0f} ms"
    if length_ms < 60_000:
        return f"{length_ms / 1_000:.3g} s"
    first = next(place for place, (_, size) in enumerate(STEPS) if length_ms >= size)
    (unit, size), (smaller, smaller_size) = STEPS[first], STEPS[first + 1]
    whole, rest = divmod(int(length_ms), size)
    part = rest // smaller_size
    return f"{whole} {unit} {part} {smaller}" if part else f"{whole} {unit}"


def relative(at_ms: int, now_ms: int) -> str:
    """A time as seen from now, in one unit: "12 s ago", "in 3 h"."""
    away_ms = abs(now_ms - at_ms)
    if away_ms < NOW_MS:
        return "now"
    unit, size = next((unit, size) for unit, size in STEPS if away_ms >= size)
    told = f"{away_ms // size} {unit}"
    return f"{told} ago" if at_ms < now_ms else f"in {told}"


def written(length_ms: int) -> str:
    """A length of time in the one unit that says it whole, as ``read_ms`` reads it back: "90 s"."""
    unit, size = next(((unit, size) for unit, size in STEPS if length_ms and length_ms % size == 0), ("ms", 1))
    return f"{length_ms // size} {unit}"


def read_ms(name: str, text: str) -> int:
    """A length of time that somebody wrote, such as "30s", "5 min" or "7d". Raises Refusal."""
    match = WRITTEN.fullmatch(text)
    if match is None:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"{name} is {text[:40]!r}; write a number and a unit, such as 1500 ms, 30 s, 5 min, 12 h or 7 d",
        )
    return round(float(match[1]) * UNITS_MS[match[2]])
