"""What settings must fulfil together. Each check names the setting to change."""

from collections.abc import Set

from perdure_runtime.config.catalogue import Place
from perdure_runtime.config.sections import FILE_PARTITIONS
from perdure_runtime.config.settings import Settings

EVERYWHERE = ("0.0.0.0", "::", "[::]")  # The brackets stay where the port is 0.


class Conflict(Exception):
    """A setting does not go with the others."""

    def __init__(self, place: Place, message: str) -> None:
        """The setting, and the rest of a sentence that begins with its name."""
        super().__init__(message)
        self.place = place


def check(settings: Settings, given: Set[Place]) -> None:
    """Raises Conflict for the first one. ``given`` are the settings that somebody wrote."""
    if settings.storage.urls:
        _check_cluster(settings)
    else:
        _check_files(settings, given)


def _check_cluster(settings: Settings) -> None:
    (host, port), advertise = settings.cluster.peer, settings.cluster.advertise
    if advertise is None and host in EVERYWHERE:
        raise Conflict(
            ("cluster", "peer"),
            f"{host} is everywhere, which tells other nodes nothing; say where they find this one with "
            "--advertise HOST:PORT",
        )
    if advertise is not None and (port == 0 or advertise[1] == 0):
        raise Conflict(("cluster", "advertise"), "this address must lead to --peer, so both need a port other than 0")


def _check_files(settings: Settings, given: Set[Place]) -> None:
    """Without a database there is no cluster to be part of."""
    for place in (("cluster", "advertise"), ("cluster", "lease"), ("storage", "partitions")):
        if place in given:
            raise Conflict(place, "only nodes that share a PostgreSQL database need it; name that with --storage")
    if ("cluster", "peer") in given and settings.cluster.workers == 1:
        raise Conflict(
            ("cluster", "peer"),
            "a node on an SQLite file has no peers; add --workers, or name a database with --storage",
        )
    if settings.cluster.workers > FILE_PARTITIONS:
        raise Conflict(
            ("cluster", "workers"),
            f"an SQLite directory has {FILE_PARTITIONS} partitions, so write up to {FILE_PARTITIONS}",
        )
