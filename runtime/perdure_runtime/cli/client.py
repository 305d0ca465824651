"""Commands that ask a running node."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import typer

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


def _ask(call: Coroutine[None, None, T]) -> T:
    try:
        return asyncio.run(call)
    except AdminRefused as error:
        raise Problem(str(error)) from error
