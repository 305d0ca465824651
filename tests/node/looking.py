"""Looks at an invocation as the next input will find it, durable or not."""

from dataclasses import dataclass

from perdure.vm.describe import describe
from perdure_runtime.ingress.port import UnknownInvocation
from perdure_runtime.node.describe import status_name
from perdure_runtime.node.node import Node
from perdure_runtime.partition.rows import Target


@dataclass(frozen=True, slots=True)
class Look:
    """Its status as the API writes it, and its journal in words."""

    target: Target
    status: str
    attempt: int
    journal: list[str]


def look(node: Node, invocation_id: str) -> Look:
    """An invocation of a node with one database. Raises UnknownInvocation."""
    found = node.loop.latest(invocation_id)
    if found is None:
        raise UnknownInvocation(invocation_id)
    journal = [describe(entry) for entry in node.loop.journal(invocation_id).entries]
    return Look(found.target, status_name(found.status), found.attempt, journal)
