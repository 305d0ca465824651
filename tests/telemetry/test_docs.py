"""docs/telemetry.md and the dashboard say what the code does: every metric, span, attribute and field, no others."""

import json
import logging
import re
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from perdure.errors import TerminalError
from perdure.logs import invocation_fields
from perdure_runtime.telemetry.catalogue import CATALOGUE, Kind
from perdure_runtime.telemetry.logs import configure_logs
from perdure_runtime.telemetry.settings import LogSettings
from trial.v1 import AddRequest, CounterClient, CounterContext, CounterHandlers, CounterState

from tests.architecture.sources import ROOT
from tests.telemetry.town import ended_spans, play, town

PAGE = (ROOT / "docs" / "telemetry.md").read_text()
BOARD: dict[str, Any] = json.loads((ROOT / "docs" / "grafana.json").read_text())
METRICS = {metric.name: metric for metric in CATALOGUE}
OF_THE_PROCESS = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
# Prometheus itself gives it to each target.
TARGET = "instance"


def table(head: str) -> list[list[str]]:
    """The cells of the table whose first line begins so."""
    lines = PAGE[PAGE.index(head) :].splitlines()[2:]
    rows = lines[: next(number for number, line in enumerate(lines) if not line.startswith("|"))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def quoted(cell: str) -> list[str]:
    """The code in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def used_in(expression: str) -> Iterator[str]:
    """The metrics of an expression, as the catalogue names them."""
    for name in re.findall(r"\b(?:perdure|process)_\w+", expression):
        stem = re.sub(r"_(bucket|sum|count)$", "", name)
        is_histogram = stem in METRICS and METRICS[stem].kind is Kind.HISTOGRAM
        yield stem if is_histogram and name != stem else name


def _general(name: str) -> str:
    return name.replace("trial.v1.Counter/Add", "SERVICE/HANDLER").replace("step count", "step NAME")


def expressions() -> list[str]:
    """All of the dashboard."""
    return [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]


def test_the_page_has_every_metric_as_it_is() -> None:
    written = [(*quoted(row[0]), row[1], row[2], tuple(quoted(row[3])), row[4]) for row in table("| metric |")]

    assert written == [
        (metric.name, metric.kind.value, metric.unit, metric.labels, metric.words) for metric in CATALOGUE
    ]


def test_the_page_explains_every_label() -> None:
    explained = {label for row in table("| label |") for label in quoted(row[0])}

    assert explained == {label for metric in CATALOGUE for label in metric.labels}


def test_the_page_has_every_span_with_its_attributes() -> None:
    class Failing(CounterHandlers):
        async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
            await ctx.run("count", lambda: None)
            raise TerminalError("full")

    async def story() -> None:
        async with town(Failing(), traced=True) as here:
            with pytest.raises(TerminalError):
                await CounterClient(here.client, "red").add(AddRequest())

    play(story)
    made = {
        span.name.replace("trial.v1.Counter/Add", "SERVICE/HANDLER").replace("count", "NAME"): set(
            span.attributes or {}
        )
        for span in ended_spans()
    }

    assert {quoted(row[0])[0]: set(quoted(row[3])) for row in table("| span |")} == made


def test_the_page_has_every_field_of_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    out = StringIO()
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    def look() -> None:
        try:
            raise ValueError("wrong")
        except ValueError:
            logging.getLogger("shop").exception("look", extra={"node": "a"})

    class Looking(CounterHandlers):
        async def add(self, ctx: CounterContext, request: AddRequest) -> CounterState:
            await ctx.run("look", look)
            return CounterState()

    async def story() -> None:
        async with town(Looking()) as here:
            configure_logs(LogSettings(format="json"), fields=[invocation_fields], stream=out)
            await CounterClient(here.client, "red").add(AddRequest())

    play(story)
    (line,) = [line for line in map(json.loads, out.getvalue().splitlines()) if line["logger"] == "shop"]

    assert {field for row in table("| field |") for field in quoted(row[0])} == line.keys()


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    used = {name for expression in expressions() for name in used_in(expression)}

    assert used - METRICS.keys() - OF_THE_PROCESS == set()


@pytest.mark.parametrize("expression", expressions())
def test_the_dashboard_groups_by_labels_that_its_metrics_have(expression: str) -> None:
    known = {label for name in used_in(expression) for label in (METRICS[name].labels if name in METRICS else ())}
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    chosen = set(re.findall(r"(\w+)=~?\"", expression))

    assert (grouped | chosen) - known - {TARGET, "le"} == set()


def test_counters_of_the_dashboard_are_shown_as_rates() -> None:
    bare = [
        expression
        for expression in expressions()
        if re.search(r"_(total|bucket|sum|count)\b", expression) and not re.search(r"\b(rate|increase)\(", expression)
    ]

    assert bare == []


def test_the_page_and_its_questions_name_metrics_that_exist() -> None:
    used = {name for name in used_in(PAGE) if name.startswith("perdure_")}

    assert {name for name in used if not name.startswith("perdure_runtime")} <= METRICS.keys()


def test_panels_have_titles_and_places_of_their_own() -> None:
    panels = BOARD["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert all(panel["title"] for panel in panels)
