"""`perdure sql`: one SELECT over the views of the runtime."""

from enum import Enum
from typing import Annotated

import typer

from perdure_runtime.cli.bundle import unbundled
from perdure_runtime.cli.connection import Connection, JsonOption
from perdure_runtime.cli.problem import Problem


class Form(Enum):
    """How an answer is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


@unbundled
def sql_command(
    sql: Annotated[str, typer.Argument(metavar="SELECT", help="@FILE reads a file, - the standard input.")],
    connection: Connection,
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="Rows at most.")] = 1_000,
    timeout: Annotated[str, typer.Option("--timeout", metavar="DURATION", help="End the query after so long.")] = "10s",
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> None:
    """Answer a SELECT over the views of the runtime; it never writes."""
    from perdure_runtime.cli.asking import query

    if as_json and as_csv:
        raise Problem("--json and --csv: choose one of them")
    form = Form.JSON if as_json else Form.CSV if as_csv else Form.TABLE
    query.run(connection, sql, limit, timeout, form)
