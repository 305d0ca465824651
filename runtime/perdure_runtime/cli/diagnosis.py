"""All examinations of `perdure doctor`, told as one."""

import time
from collections.abc import Iterator
from pathlib import Path

from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.examining import data as data_of
from perdure_runtime.cli.examining import here, node
from perdure_runtime.cli.examining.finding import Finding, Grade
from perdure_runtime.cli.printing import counted, print_value, table
from perdure_runtime.cli.problem import Problem


def run(connection: Connection, ingress: str, data: Path | None, *, as_json: bool) -> None:
    """Prints what was found. Raises Problem where something fails."""
    findings = list(_examined(connection, ingress, data))
    if as_json:
        print_value([finding.as_json() for finding in findings])
    else:
        rows = ((each.grade.value, each.subject, each.fact, each.advice) for each in findings)
        table(("", "subject", "finding", "what to do"), rows)
    failed = sum(finding.grade is Grade.FAIL for finding in findings)
    if failed:
        raise Problem(f"{counted(failed, 'examination')} failed", exit_code=1)


def _examined(connection: Connection, ingress: str, data: Path | None) -> Iterator[Finding]:
    yield from here.examine()
    yield from node.examine(connection, ingress, time.time())
    if data is not None:
        yield from data_of.examine(data)
