"""What the benchmark of scale makes of what it counted."""

import pytest

from bench.http_load import Measured
from bench.scale.counters import Counts
from bench.scale.result import Result, median
from bench.scale.table import scale_table

SOME = Counts(commits=100)


def result(
    shape: str = "sqlite", calls: int = 1_000, busy_s: float = 4.0, counts: Counts = SOME, **cpu_s: float
) -> Result:
    """Two seconds of a workload on two cores."""
    used = {(kind, number): seconds for number, (kind, seconds) in enumerate(cpu_s.items())}
    return Result("W1", shape, Measured(calls, 2.0, 1.0, 2.0), counts, used, busy_s, cores=2, databases=1)


@pytest.mark.parametrize(
    ("measured", "bound"),
    [
        (result(node=1.9, endpoint=0.5), "one node process, 95% of a core"),
        (result(node=1.7, endpoint=1.7, load=0.5), "all 2 cores"),
        (result(node=0.5), "other programs of this machine"),
        (result(busy_s=1.0, counts=Counts(sync_s=1.5), node=0.5), "the disk, 75% of the time"),
        (
            result(busy_s=1.0, counts=Counts(transactions=1_000), node=0.5),
            "reads, one after another; 25% of the cores",
        ),
        (result(busy_s=1.0, node=0.5), "round trips; 25% of the cores"),
    ],
)
def test_what_there_is_no_more_of_bounds_a_workload(measured: Result, bound: str) -> None:
    assert measured.bound == bound


def test_cpu_is_told_by_the_call_and_summed_over_processes_of_a_kind() -> None:
    measured = Result("W1", "pg2", Measured(1_000, 1.0, 1, 1), Counts(), {("node", 1): 0.1, ("node", 2): 0.3}, 1, 2, 1)
    assert measured.cpu_us("node") == pytest.approx(400)
    assert measured.calls_a_core == pytest.approx(2_500)


def test_of_several_runs_the_middle_one_is_told() -> None:
    runs = [result(calls=calls, node=1) for calls in (10, 1_000, 20)]
    assert median(runs) is runs[2]


def test_rates_are_told_as_shares_of_the_rate_on_sqlite_of_the_same_run() -> None:
    results = [
        result("pg1", calls=500, counts=Counts(commits=50, rows=2_000), node=1.0),
        result("sqlite", calls=1_000, node=1.0),
    ]
    _, _, embedded, cluster = scale_table(results, {"W1": "empty"}, {"sqlite": "SQLite", "pg1": "one node"}).split("\n")
    assert embedded.split(" | ")[2:4] == ["500", "1.00"]
    assert cluster.split(" | ")[2:4] == ["250", "0.50"]


def test_sqlite_is_said_to_write_as_many_rows_a_call_as_one_node_on_postgresql_does() -> None:
    results = [
        result("pg1", calls=500, counts=Counts(commits=50, rows=2_000), node=1.0),
        result("sqlite", calls=1_000, node=1.0),
    ]
    table = scale_table(results, {"W1": "empty"}, {"sqlite": "SQLite", "pg1": "one node"})
    # 2,000 rows of 500 calls are 4 a call, and 1,000 calls shared 100 commits.
    assert table.split("\n")[2].split(" | ")[7] == "40"
