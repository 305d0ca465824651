"""Small drawings, as the coordinates that templates put into SVG: the pages have no styles of their own."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 240, 44
# Lines are drawn within, so that their thickness is not cut off.
MARGIN = 2


@dataclass(frozen=True, slots=True)
class Sparkline:
    """A line of how something went: ``line`` and ``area`` are points of a polyline and of a polygon."""

    label: str
    latest: str
    highest: str
    line: str
    area: str
    tone: str


def sparkline(label: str, values: Sequence[float], latest: str, highest: str, tone: str) -> Sparkline:
    """Draws values, the oldest first, from 0 up; ``latest`` and ``highest`` are told in words."""
    top = max(values, default=0) or 1
    step = WIDTH / max(len(values) - 1, 1)
    room = HEIGHT - 2 * MARGIN
    points = [(index * step, HEIGHT - MARGIN - value / top * room) for index, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"0,{HEIGHT} {line} {WIDTH},{HEIGHT}" if points else ""
    return Sparkline(label, latest, highest, line, area, tone)


@dataclass(frozen=True, slots=True)
class Bar:
    """Where something lies between the begin and the end of a whole; of a thousand."""

    start: float
    width: float


# What took no time to speak of is seen too.
THINNEST = 3.0


def bar(began_ms: int, ended_ms: int, whole: tuple[int, int]) -> Bar:
    """Where a stretch of time lies in a whole one."""
    first, last = whole
    length = max(last - first, 1)
    start = min(max((began_ms - first) / length * 1_000, 0), 1_000 - THINNEST)
    width = min(max((ended_ms - began_ms) / length * 1_000, THINNEST), 1_000 - start)
    return Bar(round(start, 1), round(width, 1))
