"""The nodes of a cluster as operators see them."""

from dataclasses import dataclass

from perdure_runtime.node.census import Census
from perdure_runtime.node.settings import FixedWorkers
from perdure_runtime.storage.cluster import NodeRow, Snapshot


@dataclass(frozen=True)
class Seen:
    """What a keeper has last seen."""

    snapshot: Snapshot


def _seen(*nodes: NodeRow) -> Seen:
    return Seen(Snapshot({node.id: node for node in nodes}, {}))


def test_a_node_alone_is_one_that_owns_all_for_good() -> None:
    census = Census(list, None)
    assert [(node.id, node.address, node.status) for node in census.nodes()] == [("node", "", "alive")]
    assert census.settled_owner(5) == "node"


def test_workers_of_a_machine_own_their_partitions_for_good() -> None:
    census = Census(list, FixedWorkers(("here:1", "here:2"), 1))
    assert [(node.id, node.address) for node in census.nodes()] == [("worker-0", "here:1"), ("worker-1", "here:2")]
    assert [census.settled_owner(partition) for partition in range(4)] == ["worker-0", "worker-1"] * 2


def test_nodes_with_leases_are_as_the_database_says_and_own_nothing_for_good() -> None:
    seen = _seen(NodeRow("b", "there:1", 5), NodeRow("a", "here:1", 5, draining=True), NodeRow("c", "gone:1", 0))
    census = Census(lambda: [seen], None)
    assert [(node.id, node.status) for node in census.nodes()] == [("a", "draining"), ("b", "alive"), ("c", "lost")]
    assert census.settled_owner(0) == ""


def test_a_node_in_several_databases_is_as_the_worst_of_them_says() -> None:
    first = _seen(NodeRow("a", "here:1", 5), NodeRow("b", "there:1", 5))
    second = _seen(NodeRow("a", "here:1", -1), NodeRow("b", "there:1", 5, draining=True))
    census = Census(lambda: [first, second], None)
    assert [(node.id, node.status) for node in census.nodes()] == [("a", "lost"), ("b", "draining")]
