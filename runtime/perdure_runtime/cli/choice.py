"""Which invocations: the options of `perdure invocations` that say so."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from perdure_runtime.cli import completing


class InvocationStatus(StrEnum):
    """How an invocation does; the last three say how one has ended."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    SUSPENDED = "suspended"
    BACKING_OFF = "backing_off"
    PAUSED = "paused"
    ENDED = "ended"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Choice:
    """Invocations that fit all that is said."""

    service: Annotated[
        str,
        typer.Option("--service", metavar="SERVICE", autocompletion=completing.services, help="Of this service."),
    ] = ""
    handler: Annotated[str, typer.Option("--handler", metavar="METHOD", help="Of this handler, such as Process.")] = ""
    key: Annotated[str, typer.Option("--key", help="Of this key of an object or workflow.")] = ""
    status: Annotated[
        list[InvocationStatus] | None,
        typer.Option(
            "--status", metavar="STATUS", show_default=False, help="In this status; repeat it for any of several."
        ),
    ] = None
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="DURATION", help="Accepted before so long, such as 1h or 7d.")
    ] = ""
    newer_than: Annotated[str, typer.Option("--newer-than", metavar="DURATION", help="Accepted within so long.")] = ""
    deployment: Annotated[
        str,
        typer.Option(
            "--deployment",
            metavar="DEPLOYMENT_ID",
            autocompletion=completing.deployments,
            help="That this deployment has begun.",
        ),
    ] = ""
    error: Annotated[str, typer.Option("--error", metavar="TEXT", help="With this somewhere in the last error.")] = ""
    idempotency_key: Annotated[
        str, typer.Option("--idempotency-key", metavar="KEY", help="With this idempotency key.")
    ] = ""
    caller: Annotated[
        str, typer.Option("--caller", metavar="INVOCATION_ID", help="That this invocation has called.")
    ] = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing is said, so that all invocations fit."""
        return self == Choice()
