"""`perdure backup` and `perdure restore`: the data of a node on files, which may run meanwhile."""

from pathlib import Path
from typing import Annotated

import typer


def backup_command(
    data: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="Data of the node, such as perdure-data.")],
    target: Annotated[Path, typer.Argument(metavar="TO", help="A new directory for the backup.")],
) -> None:
    """Copy the data of a node on SQLite files to another directory; it may run meanwhile."""
    from perdure_runtime.cli import copying

    copying.back_up(data, target)


def restore_command(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="What `perdure backup` has written.")],
    data: Annotated[Path, typer.Argument(metavar="DIRECTORY", help="A new directory for the data of a node.")],
) -> None:
    """Make a data directory from a backup; start a node on it afterwards."""
    from perdure_runtime.cli import copying

    copying.restore_data(source, data)
