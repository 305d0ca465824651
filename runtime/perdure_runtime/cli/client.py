"""Commands that ask a running node."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import TypeVar

import typer
from perdure_protos.perdure.admin.v1.admin_pb2 import DescribeInvocationResponse

from perdure_runtime.admin.client import AdminClient, AdminRefused
from perdure_runtime.cli.problem import Problem

T = TypeVar("T")


def register(admin: tuple[str, int], addresses: Sequence[str], *, force: bool, verify: bool) -> None:
    """Registers an endpoint and prints what it serves."""
    deployment = _ask(AdminClient(*admin).register(*addresses, force=force, verify=verify))
    typer.echo(f"{deployment.id} at {', '.join(deployment.addresses)} serves")
    for service in deployment.services:
        typer.echo(f"  {service}")
    if deployment.change_class:
        typer.echo(f"the change of its contracts: {deployment.change_class}")
    for change in deployment.changes:
        typer.echo(f"forced: {change}")


def join(admin: tuple[str, int], deployment_id: str, address: str) -> None:
    """Adds a process to a deployment."""
    deployment = _ask(AdminClient(*admin).join(deployment_id, address))
    typer.echo(f"{deployment.id} is at {', '.join(deployment.addresses)}")


def leave(admin: tuple[str, int], deployment_id: str, address: str) -> None:
    """Takes a process out of a deployment."""
    deployment = _ask(AdminClient(*admin).leave(deployment_id, address))
    typer.echo(f"{deployment.id} is at {', '.join(deployment.addresses)}")


def list_deployments(admin: tuple[str, int]) -> None:
    """Prints all deployments."""
    deployments = _ask(AdminClient(*admin).deployments())
    if not deployments:
        typer.echo("no endpoint is registered; perdure deployments register HOST:PORT does it", err=True)
    for deployment in deployments:
        facts = [deployment.status]
        if deployment.in_flight:
            facts.append(f"{deployment.in_flight} in flight")
        if deployment.waiting:
            facts.append(f"{deployment.waiting} waiting")
        if not deployment.in_flight and not deployment.waiting:
            facts.append("no work")
        if deployment.sdk_version:
            facts.append(f"perdure {deployment.sdk_version}")
        addresses, services = ", ".join(deployment.addresses), ", ".join(deployment.services)
        typer.echo(f"{deployment.id}  {addresses}  {', '.join(facts)}  {services}")


def remove_deployment(admin: tuple[str, int], deployment_id: str, *, force: bool) -> None:
    """Removes a deployment."""
    _ask(AdminClient(*admin).remove_deployment(deployment_id, force=force))
    typer.echo(f"{deployment_id} is removed")


def verify(admin: tuple[str, int], address: str, limit: int) -> None:
    """Replays journals on an endpoint and prints what it does not repeat."""
    replayed = _ask(AdminClient(*admin).verify(address, limit))
    for each in replayed.divergences:
        typer.echo(f"{each.invocation_id}  {each.handler}  {each.message}")
    if replayed.divergences:
        raise Problem(
            f"{len(replayed.divergences)} of {replayed.replayed} journals are not repeated by {address}", exit_code=1
        )
    typer.echo(f"{address} repeats {replayed.replayed} journals")


def resume(admin: tuple[str, int], invocation_id: str, *, on_newest: bool) -> None:
    """Resumes an invocation."""
    _ask(AdminClient(*admin).resume(invocation_id, on_newest=on_newest))
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
