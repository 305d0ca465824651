"""The loads of benchmarks that are made without a node."""

from pathlib import Path

import pytest
from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.partitions import partitions_of

from bench.batches import Batches, Kind
from bench.markdown import replace_measured
from bench.primary import spread
from bench.spread import hottest_node, popularity


def test_a_batch_writes_as_many_rows_for_each_call_as_its_kind_says() -> None:
    kind = Kind(steps=3, state=True)
    writes = Batches(kind, 10, Placement(8), range(8)).make(5)
    assert len(writes.invocations) + len(writes.journal) + len(writes.state) == 10 * kind.rows


def test_a_batch_touches_only_the_partitions_of_its_writer() -> None:
    placement = Placement(8)
    writes = Batches(Kind(state=True), 50, placement, [1, 5]).make(3)
    assert partitions_of(writes, placement) == {1, 5}


def test_a_batch_ends_the_calls_that_the_one_before_began() -> None:
    batches = Batches(Kind(), 4, Placement(), [0])
    first, second = batches.make(0), batches.make(1)
    assert second.invocations.keys() - second.inserted == first.inserted


def test_no_two_writers_have_a_partition_in_common() -> None:
    servers = [("a", dict.fromkeys(range(0, 8, 2), 1)), ("b", dict.fromkeys(range(1, 8, 2), 1))]
    owned = [partition for writer in spread(servers, 4) for partition in writer.epochs]
    assert sorted(owned) == list(range(8))


def test_nodes_with_equal_partitions_are_equally_loaded() -> None:
    assert hottest_node([0.25] * 4, 2) == pytest.approx(1)


def test_the_node_with_the_hottest_partition_is_told() -> None:
    assert hottest_node([0.1, 0.1, 0.1, 0.7], 2) == pytest.approx(1.6)


def test_keys_share_all_calls_by_their_rank() -> None:
    shares = popularity(3, 1.0)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] / shares[2] == pytest.approx(3)


def test_a_page_without_a_place_for_results_says_which_markers_it_lacks(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text("# Scale\n")
    with pytest.raises(ValueError, match="<!-- shapes: begin -->"):
        replace_measured(page, "shapes", "figures")


def test_results_take_the_place_of_older_ones(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text("before\n<!-- shapes: begin -->\nold\n<!-- shapes: end -->\nafter\n")
    replace_measured(page, "shapes", "new")
    assert page.read_text() == "before\n<!-- shapes: begin -->\n\nnew\n\n<!-- shapes: end -->\nafter\n"
