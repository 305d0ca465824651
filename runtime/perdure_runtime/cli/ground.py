"""What a node stands on: its storages, and its place among other nodes where there are any."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.cli.directory import claim, file_of, files_of
from perdure_runtime.cli.plan import PARTITIONS, Plan
from perdure_runtime.cli.problem import Problem
from perdure_runtime.node.settings import ClusterSettings, FixedWorkers
from perdure_runtime.partition.placement import Placement
from perdure_runtime.storage.api import Database, Storage, StorageFailure
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.storage.sqlite import SqliteRegistry, SqliteStorage, SqliteSurvey


@dataclass(frozen=True, slots=True)
class Ground:
    """For ``Node``: a storage that is its alone, or those of a cluster.

    ``place`` says to people where the data are, without a password.
    """

    storages: Database | Sequence[Storage]
    cluster: ClusterSettings | None
    place: str


def single_file(data: Path) -> Ground:
    """The file of a node alone, which is made where there is none. Raises Problem."""
    claim(data, workers=1)
    try:
        return Ground(SqliteStorage(file_of(data)), None, str(data))
    except StorageFailure as error:
        raise Problem(str(error)) from error


def worker_file(plan: Plan, number: int, peers: Sequence[tuple[str, int]]) -> Ground:
    """The file of one of several workers; the first one's has the deployments too. Raises Problem."""
    files = files_of(plan.data, plan.workers)
    placement = Placement(PARTITIONS)
    try:
        storage = SqliteStorage(files[number], placement, len(files), number)
    except StorageFailure as error:
        raise Problem(str(error)) from error
    cluster = ClusterSettings(
        node_id=f"worker-{number}",
        listen=peers[number],
        advertised="",
        lease_s=plan.lease_s,
        registry=SqliteRegistry(files[0]),
        surveys=(SqliteSurvey(files),),
        fixed=FixedWorkers(tuple(f"{host}:{port}" for host, port in peers), number),
    )
    return Ground((storage,), cluster, str(plan.data))


def databases(plan: Plan, listen: tuple[str, int], advertised: str) -> Ground:
    """The databases that nodes share, for one more of these. Raises Problem."""
    try:
        from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage
    except ImportError as error:
        raise Problem(
            f"--storage: PostgreSQL needs a driver ({error}); install it with: pip install 'perdure[postgres]'"
        ) from error
    node_id = f"node-{secrets.token_hex(6)}"
    urls = plan.storages
    try:
        storages = [
            PostgresStorage(url, node_id, plan.partitions, len(urls), number) for number, url in enumerate(urls)
        ]
    except StorageFailure as error:
        raise Problem(str(error)) from error

    def clusters(address: str) -> Sequence[Cluster]:
        return [PostgresCluster(url, node_id, address, plan.lease_s) for url in urls]

    cluster = ClusterSettings(
        node_id=node_id,
        listen=listen,
        advertised=advertised,
        lease_s=plan.lease_s,
        registry=storages[0],
        surveys=storages,
        clusters=clusters,
        fallbacks=storages,
    )
    return Ground(storages, cluster, " and ".join(storage.name for storage in storages))
