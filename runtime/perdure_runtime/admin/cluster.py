"""The cluster: its nodes, and who owns which partition."""

from collections import Counter
from importlib.metadata import version

from perdure_protos.perdure.admin.v1.cluster_pb2 import Cluster as ClusterMessage
from perdure_protos.perdure.admin.v1.cluster_pb2 import GetClusterRequest, Partition

from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rows import Row
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.storage.views import PARTITION

# More than a cluster can have.
MOST_PARTITIONS = 1 << 16


class Cluster:
    """The rpc about nodes and partitions."""

    def __init__(self, node: Administration, storage: str, readers: Readers) -> None:
        """``storage`` says where the data are, without passwords."""
        self._readers = readers
        self._node = node
        self._storage = storage

    @rpc
    async def get_cluster(self, request: GetClusterRequest) -> ClusterMessage:
        """Shows the nodes of the cluster, and which of them owns which partition."""
        nodes = list(self._node.nodes())
        rows = await self._readers.run(self._node.survey.scan, PARTITION, (), None, MOST_PARTITIONS)
        partitions = [self._partition(Row(PARTITION, values)) for values in rows]
        owned = Counter(partition.owner for partition in partitions)
        for node in nodes:
            node.partitions = owned[node.id]
        return ClusterMessage(nodes=nodes, partitions=partitions, storage=self._storage, version=version("perdure"))

    def _partition(self, row: Row) -> Partition:
        number = row.number("partition")
        # What belongs to a node for good is stored without an owner.
        owner = row.text("owner") or self._node.settled_owner(number)
        return Partition(partition=number, owner=owner, epoch=row.number("epoch"))
