"""A SELECT, and its answer as a table, as JSON or as CSV."""

import csv
import io
import json
from typing import assert_never

import typer
from perdure_protos.perdure.admin.v1.cluster_pb2 import QueryRequest, QueryResponse

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.duration import parse_duration_ms
from perdure_runtime.cli.given import read_text
from perdure_runtime.cli.printing import note, print_value, table
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.query import Form

LONGEST_MS = 2**32 - 1
# So long after its time limit a query has ended, and its node has said so.
MARGIN_S = 10.0


def run(connection: Connection, sql: str, limit: int, timeout: str, form: Form) -> None:
    """Prints the answer. Raises Problem."""
    timeout_ms = parse_duration_ms("--timeout", timeout)
    if not 0 < timeout_ms <= LONGEST_MS:
        raise Problem(f"--timeout: {timeout} is too short or too long; write a time such as 30s")
    request = QueryRequest(sql=read_text("SELECT", sql), limit=limit, timeout_ms=timeout_ms)
    answer = ask(connection, request, QueryResponse, patience_s=timeout_ms / 1_000 + MARGIN_S)
    rows = [json.loads(row) for row in answer.rows]
    match form:
        case Form.TABLE:
            table(answer.columns, ([_text(value) for value in row] for row in rows))
        case Form.JSON:
            print_value([dict(zip(answer.columns, row, strict=True)) for row in rows])
        case Form.CSV:
            paper = io.StringIO()
            writer = csv.writer(paper, lineterminator="\n")
            writer.writerow(answer.columns)
            writer.writerows([_text(value) for value in row] for row in rows)
            typer.echo(paper.getvalue(), nl=False)
        case _:
            assert_never(form)
    if answer.truncated:
        note(f"these are the first {limit:,} rows; --limit prints more")


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case _:
            return json.dumps(value, ensure_ascii=False)
