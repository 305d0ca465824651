"""The settings of a command: its options, and what it finds in the environment and in a file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from perdure_runtime.cli.options import ClusterOptions, NodeOptions
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.retry import read_retry
from perdure_runtime.config.error import SettingsError
from perdure_runtime.config.loading import Effective, load

SECONDS = re.compile(r"\d+(\.\d+)?")
# The work of one's own project lies beside it, out of sight.
DEV_DEFAULTS: Mapping[tuple[str, ...], object] = {("storage", "data"): Path(".perdure")}


def of_dev(options: NodeOptions, flags: Mapping[tuple[str, ...], object] = MappingProxyType({})) -> Effective:
    """Those of `perdure dev`, which may have ``flags`` beside. Raises Problem."""
    return read({**node_flags(options), **flags}, options.config, DEV_DEFAULTS, "perdure dev")


def of_up(node: NodeOptions, cluster: ClusterOptions) -> Effective:
    """Those of `perdure up`. Raises Problem."""
    return read({**node_flags(node), **cluster_flags(cluster)}, node.config)


def node_flags(options: NodeOptions) -> Mapping[tuple[str, ...], object]:
    """The settings that options are, None where they were left out. Raises Problem."""
    return {
        ("ingress", "listen"): options.ingress,
        ("admin", "listen"): options.admin,
        ("storage", "data"): options.data,
        ("auth", "insecure"): options.insecure or None,
        **read_retry(options.retry),
    }


def cluster_flags(options: ClusterOptions) -> Mapping[tuple[str, ...], object]:
    """The settings that options are, None where they were left out."""
    lease = options.lease
    return {
        ("storage", "urls"): options.storage or None,
        ("storage", "partitions"): options.partitions,
        ("cluster", "workers"): options.workers,
        ("cluster", "peer"): options.peer,
        ("cluster", "advertise"): options.advertise,
        ("cluster", "lease"): f"{float(lease) * 1_000:.0f}ms" if lease and SECONDS.fullmatch(lease) else lease,
    }


def read(
    flags: Mapping[tuple[str, ...], object],
    file: Path | None,
    defaults: Mapping[tuple[str, ...], object] = MappingProxyType({}),
    command: str = "",
) -> Effective:
    """What holds. Raises Problem."""
    try:
        return load(flags, os.environ, file, defaults, command)
    except SettingsError as error:
        raise Problem(str(error)) from error
