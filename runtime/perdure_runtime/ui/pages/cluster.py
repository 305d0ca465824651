"""The cluster: its nodes, and which of them owns which partition."""

from collections.abc import Iterable

from perdure_protos.perdure.admin.v1.cluster_pb2 import Cluster, GetClusterRequest
from starlette.responses import Response
from starlette.routing import Route

from perdure_runtime.ui.site import Site
from perdure_runtime.ui.visit import Visit, shown


def routes(site: Site) -> Iterable[Route]:
    """The page."""
    yield shown(site, "/cluster", show)


async def show(visit: Visit) -> Response:
    """Shows nodes and partitions."""
    cluster = await visit.ask("GetCluster", GetClusterRequest(), Cluster)
    return visit.page(
        "cluster.html",
        title="Cluster",
        cluster=cluster,
        orphans=sum(1 for each in cluster.partitions if not each.owner) if len(cluster.nodes) > 1 else 0,
    )
