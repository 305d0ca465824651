"""When a schedule is due: the moments of a cron expression in its time zone, or those of an interval. Pure.

A cron expression is read as Debian's cron does it. Where clocks are put forward, what is due in the hour that is left
out is due right after it; where they are put back, a fixed time is due once, the first time, and what comes each hour
or minute goes on as time does.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

FIELDS = 5
SHORTHANDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
SHORTEST_INTERVAL_MS = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The first look back for the latest times; each further one is so many times as long.
FIRST_LOOK_MS, LOOK_FACTOR = 3_600_000, 8


class NoTimes(ValueError):
    """These are no times; the message says what is wrong, and what to write."""


class Times(Protocol):
    """Moments without end, in milliseconds since the epoch."""

    def after(self, moment_ms: int) -> int | None:
        """The first that is later; None where there is none any more."""

    def latest(self, after_ms: int, until_ms: int, most: int) -> list[int]:
        """Of those that are later than the one and no later than the other the last ``most``, in order."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so often, counted from ``origin_ms``."""

    every_ms: int
    origin_ms: int = 0

    def __post_init__(self) -> None:
        if self.every_ms < SHORTEST_INTERVAL_MS:
            raise NoTimes(f"the interval is {self.every_ms} ms; the shortest is {SHORTEST_INTERVAL_MS}")

    def after(self, moment_ms: int) -> int:
        """The first that is later."""
        return moment_ms + self.every_ms - (moment_ms - self.origin_ms) % self.every_ms

    def latest(self, after_ms: int, until_ms: int, most: int) -> list[int]:
        """The last ones within a span."""
        last = until_ms - (until_ms - self.origin_ms) % self.every_ms
        first = max(self.after(after_ms), last - (most - 1) * self.every_ms)
        return list(range(first, last + 1, self.every_ms))


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression of five fields, on the clocks of a time zone."""

    expression: str
    zone: ZoneInfo

    @classmethod
    def read(cls, text: str, zone: str) -> "Cron":
        """An expression as people write it. Raises NoTimes."""
        expression = SHORTHANDS.get(text.strip().lower(), text)
        if len(expression.split()) != FIELDS:
            raise NoTimes(
                f"cron is {text[:100]!r}; write five fields (minute, hour, day of month, month, day of week), such as "
                f"'0 6 * * 1', or one of {', '.join(SHORTHANDS)}"
            )
        try:
            cron = cls(expression, ZoneInfo(zone or "UTC"))
        except (KeyError, OSError, ValueError) as error:
            raise NoTimes(
                f"time_zone {zone[:50]!r} is no IANA name, such as Europe/Vienna; leave it out for UTC"
            ) from error
        try:
            comes = cron.after(0)
        except CronSimError as error:
            raise NoTimes(f"cron is {text[:100]!r}: {str(error).lower()}; look at its fields again") from error
        if comes is None:
            raise NoTimes(f"cron is {text[:100]!r}, which never comes; look at its days and months again")
        return cron

    def after(self, moment_ms: int) -> int | None:
        """The first that is later."""
        moments = CronSim(self.expression, (EPOCH + timedelta(milliseconds=moment_ms)).astimezone(self.zone))
        # The same moment may come up twice, or earlier than asked for, where clocks are put back or forward.
        return next((due_ms for due_ms in map(_ms, moments) if due_ms > moment_ms), None)

    def latest(self, after_ms: int, until_ms: int, most: int) -> list[int]:
        """The last ones within a span: looked for from further and further back, since there may be very many."""
        look_ms = FIRST_LOOK_MS
        while True:
            begin_ms = max(after_ms, until_ms - look_ms)
            found: list[int] = []
            due_ms = self.after(begin_ms)
            while due_ms is not None and due_ms <= until_ms:
                found.append(due_ms)
                due_ms = self.after(due_ms)
            if len(found) >= most or begin_ms == after_ms:
                return found[-most:]
            look_ms *= LOOK_FACTOR


def _ms(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)
