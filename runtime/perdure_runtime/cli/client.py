"""Commands that ask a running node."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import typer
from perdure_protos.perdure.admin.v1.admin_pb2 import DescribeInvocationResponse

from perdure_runtime.admin.client import AdminClient, AdminRefused
from perdure_runtime.cli.problem import Problem

T = TypeVar("T")


def register(admin: tuple[str, int], address: str) -> None:
    """Registers an endpoint and prints what it serves."""
    deployment = _ask(AdminClient(*admin).register(address))
    typer.echo(f"{deployment.id} at {deployment.address} serves")
    for service in deployment.services:
        typer.echo(f"  {service}")


def list_deployments(admin: tuple[str, int]) -> None:
    """Prints all deployments."""
    for deployment in _ask(AdminClient(*admin).deployments()):
        typer.echo(f"{deployment.id}  {deployment.address}  {', '.join(deployment.services)}")


def resume(admin: tuple[str, int], invocation_id: str) -> None:
    """Resumes an invocation."""
    _ask(AdminClient(*admin).resume(invocation_id))
    typer.echo(f"{invocation_id} runs again")


def pause(admin: tuple[str, int], invocation_id: str) -> None:
    """Pauses an invocation."""
    _ask(AdminClient(*admin).pause(invocation_id))
    typer.echo(f"{invocation_id} is paused; go on with: perdure invocations resume {invocation_id}")


def cancel(admin: tuple[str, int], invocation_id: str) -> None:
    """Cancels an invocation."""
    _ask(AdminClient(*admin).cancel(invocation_id))
    typer.echo(f"{invocation_id} is asked to end")


def kill(admin: tuple[str, int], invocation_id: str) -> None:
    """Kills an invocation."""
    _ask(AdminClient(*admin).kill(invocation_id))
    typer.echo(f"{invocation_id} is killed")


def restart(admin: tuple[str, int], invocation_id: str, from_entry: int) -> None:
    """Restarts an invocation and prints the id of the new one."""
    new = _ask(AdminClient(*admin).restart(invocation_id, from_entry))
    typer.echo(f"{invocation_id} runs again as {new}")


def purge(admin: tuple[str, int], invocation_id: str) -> None:
    """Purges an invocation."""
    _ask(AdminClient(*admin).purge(invocation_id))
    typer.echo(f"{invocation_id} is forgotten")


def show(admin: tuple[str, int], invocation_id: str) -> None:
    """Prints an invocation and its journal."""
    for line in _lines(_ask(AdminClient(*admin).describe(invocation_id))):
        typer.echo(line)


def _lines(shown: DescribeInvocationResponse) -> list[str]:
    """An invocation as people read it; each entry of the journal with the number that `restart --from-entry` takes."""
    facts = {
        "handler": shown.handler,
        "key": shown.key,
        "status": shown.status,
        "attempt": str(shown.attempt),
        "last error": shown.last_error,
    }
    width = len(str(len(shown.journal)))
    return [
        shown.invocation_id,
        *(f"  {name:<10}  {value}" for name, value in facts.items() if value),
        "journal" if shown.journal else "no journal",
        *(f"  {index:>{width}}  {line}" for index, line in enumerate(shown.journal)),
    ]


def _ask(call: Coroutine[None, None, T]) -> T:
    try:
        return asyncio.run(call)
    except AdminRefused as error:
        raise Problem(str(error)) from error
