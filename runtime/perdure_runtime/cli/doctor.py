"""`perdure doctor`: whether all is as it should be, and what to do where it is not."""

from pathlib import Path
from typing import Annotated

import typer

from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import DEFAULT_INGRESS, Connection, IngressOption, JsonOption


@unbundled
def doctor_command(
    connection: Connection,
    ingress: IngressOption = DEFAULT_INGRESS,
    data: Annotated[
        Path | None, typer.Option("--data", metavar="DIRECTORY", help="Examine the data of a node on this machine too.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at this machine, a node and its endpoints, and say what is wrong and what to do."""
    from perdure_runtime.cli import diagnosis

    diagnosis.run(connection, ingress, data, as_json=as_json)
