"""The overview: how the cluster does now, and where to look first."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.cluster_pb2 import GetOverviewRequest, Overview, Sample, Tally
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ui import statuses
from perdure_runtime.ui.charts import Sparkline, sparkline
from perdure_runtime.ui.durations import span
from perdure_runtime.ui.site import Site
from perdure_runtime.ui.statuses import Status
from perdure_runtime.ui.visit import Visit, shown

# Those that nobody but an operator sets going again, and those that will fail again unless somebody looks.
TROUBLES = ("paused", "backing_off", "failed")
COLUMNS = tuple(statuses.named(name) for name in (*(each.name for each in statuses.OPEN), "succeeded", "failed"))


@dataclass(frozen=True, slots=True)
class Count:
    """How many invocations are in a status."""

    status: Status
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """A service, by the columns of the table."""

    service: str
    counts: Sequence[Count]


def routes(site: Site) -> Iterable[Route]:
    """The page."""
    yield shown(site, "/", show)


async def show(visit: Visit) -> Response:
    """Shows what there is by status, and what has happened lately."""
    overview = await visit.ask("GetOverview", GetOverviewRequest(), Overview)
    totals = _counts(overview.tallies)
    return visit.page(
        "overview.html",
        title="Overview",
        columns=COLUMNS,
        rows=[Row(name, _counts(tallies)) for name, tallies in _by_service(overview.tallies)],
        totals=totals,
        backlog=sum(each.count for each in totals if each.status in statuses.OPEN),
        troubles=[each for each in totals if each.status.name in TROUBLES and each.count],
        lines=_lines(overview.samples, overview.sample_ms),
        minutes=max(len(overview.samples) * overview.sample_ms // 60_000, 1),
        counted_at_ms=overview.counted_at_ms,
    )


def _by_service(tallies: Iterable[Tally]) -> list[tuple[str, list[Tally]]]:
    found: dict[str, list[Tally]] = {}
    for tally in tallies:
        found.setdefault(tally.service, []).append(tally)
    return sorted(found.items())


def _counts(tallies: Iterable[Tally]) -> list[Count]:
    found = {status.name: 0 for status in COLUMNS}
    for tally in tallies:
        found[tally.status] = found.get(tally.status, 0) + tally.count
    return [Count(statuses.named(name), count) for name, count in found.items()]


def _lines(samples: Sequence[Sample], sample_ms: int) -> list[Sparkline]:
    """What went through, by the second, and how long it took."""
    if not samples:
        return []
    seconds = max(sample_ms, 1) / 1_000
    rates = (
        ("Accepted", [each.accepted / seconds for each in samples], "is-running"),
        ("Succeeded", [each.succeeded / seconds for each in samples], "is-succeeded"),
        ("Failed", [each.failed / seconds for each in samples], "is-failed"),
        ("Retried", [each.retried / seconds for each in samples], "is-backing-off"),
    )
    times = (("Median time", [each.p50_ms for each in samples]), ("99th percentile", [each.p99_ms for each in samples]))
    return [
        *(sparkline(label, values, _rate(values[-1]), _rate(max(values)), tone) for label, values, tone in rates),
        *(sparkline(label, values, span(values[-1]), span(max(values)), "is-suspended") for label, values in times),
    ]


def _rate(value: float) -> str:
    return f"{value:,.0f}/s" if value >= 10 or value == 0 else f"{value:.1f}/s"
