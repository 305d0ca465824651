"""Nodes and the partitions that they own."""

from perdure_protos.perdure.admin.v1.cluster_pb2 import Cluster, GetClusterRequest

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import print_json, say, table


def print_all(connection: Connection, *, partitions: bool, as_json: bool) -> None:
    """Prints the cluster."""
    cluster = ask(connection, GetClusterRequest(), Cluster)
    if as_json:
        print_json(cluster)
        return
    say(f"perdure {cluster.version}, data in {cluster.storage}")
    nodes = ((node.id, node.address, node.status, str(node.partitions)) for node in cluster.nodes)
    table(("node", "address", "status", "partitions"), nodes)
    if partitions:
        say("")
        owned = ((str(each.partition), each.owner or "nobody", str(each.epoch)) for each in cluster.partitions)
        table(("partition", "owner", "epoch"), owned)
