"""All targets by name, each with its share of the inputs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from fuzz.ground import Ground

# Takes one input; raises where the code behind the door did what no input may make it do.
Feed: TypeAlias = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A door. ``module`` is imported where it is tried alone; ``share`` is how many of a hundred inputs it gets."""

    name: str
    module: str
    function: str
    share: int

    def open(self, ground: Ground) -> Feed:
        """What stands behind the door."""
        from importlib import import_module

        # Targets are known by name: each runs in a process of its own.
        feed: Feed = getattr(import_module(self.module), self.function)(ground)
        return feed


TARGETS = (
    Target("ingress-http", "fuzz.ingress", "http", 18),
    Target("ingress-grpc", "fuzz.ingress", "grpc", 16),
    Target("session-to-node", "fuzz.session", "to_node", 7),
    Target("session-to-endpoint", "fuzz.session", "to_endpoint", 11),
    Target("discovery", "fuzz.session", "discovery", 7),
    Target("admin-rpcs", "fuzz.admin", "rpcs", 8),
    Target("admin-http", "fuzz.admin", "http", 12),
    Target("credentials", "fuzz.credentials", "guard", 8),
    Target("signatures", "fuzz.credentials", "signature", 5),
    Target("sql", "fuzz.query", "sql", 8),
)
