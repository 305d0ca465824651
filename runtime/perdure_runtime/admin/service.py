"""The admin API as one: all of its rooms, and the rpcs in them by name."""

from perdure_runtime.admin.awakeables import Awakeables
from perdure_runtime.admin.bulk import Bulk
from perdure_runtime.admin.calls import Calls
from perdure_runtime.admin.cluster import Cluster
from perdure_runtime.admin.definitions import Definitions
from perdure_runtime.admin.deployments import Deployments
from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.invocations import Invocations
from perdure_runtime.admin.journals import Journals
from perdure_runtime.admin.objects import Objects
from perdure_runtime.admin.overview import Overview
from perdure_runtime.admin.port import Administration, NoSources, Query, Samples, Sources
from perdure_runtime.admin.querying import Querying
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rpc import rpcs_of
from perdure_runtime.admin.services import Services


class AdminService:
    """What operators can ask of a node, in this process: the web UI asks here, others through the server.

    Attributes:
        rpcs: All of it by the names of the contract.
    """

    def __init__(
        self,
        node: Administration,
        *,
        storage: str = "",
        query: Query | None = None,
        sources: Sources | None = None,
        samples: Samples | None = None,
        sample_ms: int = 0,
    ) -> None:
        """``storage`` says where the data are, without passwords; ``samples`` are of intervals of ``sample_ms``."""
        finder, readers = Finder(node), Readers()
        self.deployments = Deployments(node)
        self.services = Services(node)
        self.invocations = Invocations(node, finder, readers)
        self.journals = Journals(finder, readers)
        self.calls = Calls(node, finder, readers)
        self.bulk = Bulk(node, readers)
        self.objects = Objects(node, finder, readers)
        self.awakeables = Awakeables(node, finder, readers)
        self.definitions = Definitions(node, sources if sources is not None else NoSources())
        self.cluster = Cluster(node, storage, readers)
        self.overview = Overview(node, samples, sample_ms, readers)
        self.querying = Querying(query)
        self.rpcs = rpcs_of(vars(self).values())
