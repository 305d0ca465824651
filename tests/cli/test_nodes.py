"""`perdure nodes`: who runs the work."""

from importlib.metadata import version

from tests.cli.covering import covers
from tests.cli.town import Town


@covers("nodes")
def test_the_nodes_and_their_partitions_are_shown(there: Town) -> None:
    said = there.says("nodes", "--partitions").splitlines()
    cluster = there.json("nodes")

    assert said[0].startswith(f"perdure {version('perdure')}, data in ")
    assert cluster["version"] == version("perdure")
    (node,) = cluster["nodes"]
    assert node["status"] == "alive"
    assert "partition  owner" in "\n".join(said)
