"""What a node stands on: its storages, and its place among other nodes where there are any."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from perdure_runtime.cli.directory import claim, file_of, files_of
from perdure_runtime.cli.load import load_codec
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.reading import Databases, Files
from perdure_runtime.config.sections import FILE_PARTITIONS
from perdure_runtime.config.settings import Settings
from perdure_runtime.node.settings import ClusterSettings, FixedWorkers, Network
from perdure_runtime.partition.placement import Placement
from perdure_runtime.query.opening import Opening
from perdure_runtime.storage.api import Database, DeploymentRow, Registry, Storage, StorageFailure
from perdure_runtime.storage.cluster import Cluster
from perdure_runtime.storage.sqlite import SqliteRegistry, SqliteStorage, SqliteSurvey


@dataclass(frozen=True, slots=True)
class Ground:
    """For ``Node``: a storage that is its alone, or those of a cluster.

    ``registry`` has what operators define. ``opening`` is how another process reads all of it; ``place`` says to people
    where the data are, without a password.
    """

    storages: Database | Sequence[Storage]
    cluster: ClusterSettings | None
    registry: Registry
    opening: Opening
    place: str

    @property
    def placement(self) -> Placement:
        """What lies in which partition."""
        storage = self.storages[0] if isinstance(self.storages, Sequence) else self.storages
        return storage.placement


def single_file(settings: Settings, served: DeploymentRow | None = None) -> Ground:
    """The file of a node alone, which is made where there is none. Raises Problem.

    ``served`` is what the process of the node serves itself.
    """
    data, codec = settings.storage.data, settings.storage.codec
    loaded = load_codec(codec)
    claim(data, workers=1)
    try:
        storage = SqliteStorage(file_of(data), codec=loaded)
    except StorageFailure as error:
        raise Problem(str(error)) from error
    return Ground(storage, None, storage, Files((file_of(data),), codec, served), str(data))


def worker_file(settings: Settings, number: int, peers: Sequence[tuple[str, int]], network: Network) -> Ground:
    """The file of one of several workers; the first one's has the deployments too. Raises Problem."""
    data, codec = settings.storage.data, load_codec(settings.storage.codec)
    files = files_of(data, settings.cluster.workers)
    placement = Placement(FILE_PARTITIONS)
    try:
        storage = SqliteStorage(files[number], placement, len(files), number, codec)
    except StorageFailure as error:
        raise Problem(str(error)) from error
    registry = SqliteRegistry(files[0])
    cluster = ClusterSettings(
        node_id=f"worker-{number}",
        listen=peers[number],
        advertised="",
        lease_s=settings.cluster.lease.total_seconds(),
        registry=registry,
        surveys=tuple(SqliteSurvey(file, codec) for file in files),
        fixed=FixedWorkers(tuple(f"{host}:{port}" for host, port in peers), number),
        network=network,
    )
    return Ground((storage,), cluster, registry, Files(tuple(files), settings.storage.codec), str(data))


def databases(settings: Settings, listen: tuple[str, int], advertised: str, network: Network) -> Ground:
    """The databases that nodes share, for one more of these. Raises Problem."""
    try:
        from perdure_runtime.storage.postgres import PostgresCluster, PostgresStorage
    except ImportError as error:
        raise Problem(
            f"--storage: PostgreSQL needs a driver ({error}); install it with: pip install 'perdure[postgres]'"
        ) from error
    node_id = f"node-{secrets.token_hex(6)}"
    urls, lease_s = settings.storage.addresses, settings.cluster.lease.total_seconds()
    codec = load_codec(settings.storage.codec)
    try:
        storages = [
            PostgresStorage(url, node_id, settings.storage.partitions, len(urls), number, codec=codec)
            for number, url in enumerate(urls)
        ]
    except StorageFailure as error:
        raise Problem(str(error)) from error

    def clusters(address: str) -> Sequence[Cluster]:
        return [PostgresCluster(url, node_id, address, lease_s) for url in urls]

    cluster = ClusterSettings(
        node_id=node_id,
        listen=listen,
        advertised=advertised,
        lease_s=lease_s,
        registry=storages[0],
        surveys=storages,
        clusters=clusters,
        fallbacks=storages,
        network=network,
    )
    place = " and ".join(storage.name for storage in storages)
    return Ground(storages, cluster, storages[0], Databases(urls, settings.storage.codec), place)
