"""What `perdure up` is to run: its options, read and checked as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.retry import read_defaults
from perdure_runtime.partition.placement import MOST_PARTITIONS
from perdure_runtime.partition.policy import Execution

PEER = "127.0.0.1:0"
LEASE_S = 5.0
# A lease is renewed every third of it: a shorter one would end with each slow answer of the database.
SHORTEST_LEASE_S = 1.0
# So many partitions have workers with files of their own: each worker has at least one.
PARTITIONS = 64
POSTGRES = ("postgresql://", "postgres://")
EVERYWHERE = ("0.0.0.0", "::", "[::]")  # The brackets stay where the port is 0.


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `perdure up` as they were written; None and empty are what was left out."""

    ingress: str
    admin: str
    data: Path
    storages: Sequence[str]
    retry: str
    peer: str
    advertise: str
    lease_s: float | None
    partitions: int | None
    workers: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run.

    Attributes:
        data: The directory of the SQLite files, where there are no ``storages``.
        storages: URLs of PostgreSQL databases. Their order says which partitions lie in which.
        defaults: How invocations are run whose contracts say nothing about it.
        peer: Where other nodes connect. Workers have the ports from this one on; port 0 lets the system choose.
        advertise: What other nodes are told instead; the ports of workers count up from this one too.
        partitions: Of a new database; None for as many as there are, or the default.
        workers: How many processes share the work and the addresses.
    """

    ingress: tuple[str, int]
    admin: tuple[str, int]
    data: Path
    storages: tuple[str, ...]
    defaults: Execution
    peer: tuple[str, int]
    advertise: tuple[str, int] | None
    lease_s: float
    partitions: int | None
    workers: int

    def advertised(self, number: int) -> str:
        """What peers are told of a worker, or of a node without any, which is number 0; empty for what it binds."""
        return f"{self.advertise[0]}:{self.advertise[1] + number}" if self.advertise is not None else ""


def read_plan(options: Options) -> Plan:
    """What these options ask for. Raises Problem."""
    if options.workers < 1:
        raise Problem(f"--workers: {options.workers} are too few; write 1 or more")
    if options.storages:
        _check_cluster(options)
    else:
        _check_files(options)
    return Plan(
        ingress=parse_address("--ingress", options.ingress),
        admin=parse_address("--admin", options.admin),
        data=options.data,
        storages=tuple(options.storages),
        defaults=read_defaults(options.retry),
        peer=parse_address("--peer", options.peer or PEER),
        advertise=parse_address("--advertise", options.advertise) if options.advertise else None,
        lease_s=LEASE_S if options.lease_s is None else options.lease_s,
        partitions=options.partitions,
        workers=options.workers,
    )


def _check_cluster(options: Options) -> None:
    if not all(url.startswith(POSTGRES) for url in options.storages):
        # Whatever it is, it may have a password in it: it is not repeated.
        raise Problem(
            "--storage: this is no URL of a PostgreSQL database; write postgresql://USER@HOST:PORT/DATABASE, or leave "
            "the option out to keep an SQLite file in --data"
        )
    if len(set(options.storages)) < len(options.storages):
        # Which one is not repeated: a password may stand in it.
        raise Problem("--storage: two of these databases are the same; name each one once")
    if options.lease_s is not None and not SHORTEST_LEASE_S <= options.lease_s < float("inf"):
        raise Problem(f"--lease: nodes cannot keep one of {options.lease_s:g} s; write {SHORTEST_LEASE_S:g} or more")
    if options.partitions is not None and not 1 <= options.partitions <= MOST_PARTITIONS:
        raise Problem(f"--partitions: {options.partitions} is too many or too few; write 1 to {MOST_PARTITIONS}")
    host, port = parse_address("--peer", options.peer or PEER)
    if not options.advertise and host in EVERYWHERE:
        raise Problem(
            f"--peer: {host} is everywhere, which tells other nodes nothing; say where they find this one with "
            "--advertise HOST:PORT"
        )
    if options.advertise:
        _, advertised = parse_address("--advertise", options.advertise)
        if port == 0 or advertised == 0:
            raise Problem("--advertise: this address must lead to --peer, so both need a port other than 0")


def _check_files(options: Options) -> None:
    """Without a database there is no cluster to be part of."""
    only_clusters = {
        "--advertise": options.advertise,
        "--lease": options.lease_s is not None,
        "--partitions": options.partitions is not None,
    }
    for option, given in only_clusters.items():
        if given:
            raise Problem(f"{option}: only nodes that share a PostgreSQL database need it; name that with --storage")
    if options.peer and options.workers == 1:
        raise Problem("--peer: a node on an SQLite file has no peers; add --workers, or name a database with --storage")
    if options.workers > PARTITIONS:
        raise Problem(f"--workers: an SQLite directory has {PARTITIONS} partitions, so write up to {PARTITIONS}")
