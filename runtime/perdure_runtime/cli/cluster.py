"""`perdure nodes`: who runs the work."""

from typing import Annotated

import typer

from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption


@unbundled
def nodes_command(
    connection: Connection,
    partitions: Annotated[bool, typer.Option("--partitions", help="Show who owns each partition too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show the nodes of the cluster."""
    from perdure_runtime.cli.asking import cluster

    cluster.print_all(connection, partitions=partitions, as_json=as_json)
