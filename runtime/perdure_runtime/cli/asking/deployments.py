"""Deployments: registered, looked at, removed."""

from collections.abc import Sequence

from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    Deployment,
    JoinDeploymentRequest,
    LeaveDeploymentRequest,
    ListDeploymentsRequest,
    ListDeploymentsResponse,
    RegisterDeploymentRequest,
    RemoveDeploymentRequest,
    RemoveDeploymentResponse,
    VerifyDeploymentRequest,
    VerifyDeploymentResponse,
)

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.printing import counted, note, print_json, say, table
from perdure_runtime.cli.problem import Problem


def register(connection: Connection, addresses: Sequence[str], *, force: bool, verify: bool) -> None:
    """Registers an endpoint and prints what it serves."""
    request = RegisterDeploymentRequest(addresses=addresses, force=force, verify=verify)
    deployment = ask(connection, request, Deployment)
    say(f"{deployment.id} at {', '.join(deployment.addresses)} serves")
    for service in deployment.services:
        say(f"  {service}")
    if deployment.change_class:
        say(f"the change of its contracts: {deployment.change_class}")
    for change in deployment.changes:
        say(f"forced: {change}")


def join(connection: Connection, deployment_id: str, address: str) -> None:
    """Adds a process to a deployment."""
    request = JoinDeploymentRequest(id=deployment_id, address=address)
    _say_where(ask(connection, request, Deployment))


def leave(connection: Connection, deployment_id: str, address: str) -> None:
    """Takes a process out of a deployment."""
    request = LeaveDeploymentRequest(id=deployment_id, address=address)
    _say_where(ask(connection, request, Deployment))


def print_all(connection: Connection, *, as_json: bool) -> None:
    """Prints all deployments."""
    answer = ask(connection, ListDeploymentsRequest(), ListDeploymentsResponse)
    if as_json:
        print_json(answer)
        return
    if not answer.deployments:
        note("no endpoint is registered; perdure deployments register HOST:PORT does it")
        return
    columns = ("id", "addresses", "status", "work", "perdure", "services")
    table(columns, map(_row, answer.deployments))


def remove(connection: Connection, deployment_id: str, *, force: bool) -> None:
    """Removes a deployment."""
    request = RemoveDeploymentRequest(id=deployment_id, force=force)
    ask(connection, request, RemoveDeploymentResponse)
    say(f"{deployment_id} is removed")


def verify(connection: Connection, address: str, limit: int, *, as_json: bool) -> None:
    """Replays journals on an endpoint and prints what it does not repeat."""
    request = VerifyDeploymentRequest(address=address, limit=limit)
    replayed = ask(connection, request, VerifyDeploymentResponse)
    if as_json:
        print_json(replayed)
    else:
        for each in replayed.divergences:
            say(f"{each.invocation_id}  {each.handler}  {each.message}")
    if replayed.divergences:
        raise Problem(
            f"{len(replayed.divergences)} of {counted(replayed.replayed, 'journal')} are not repeated by {address}",
            exit_code=1,
        )
    if not as_json:
        say(f"{address} repeats {counted(replayed.replayed, 'journal')}")


def _say_where(deployment: Deployment) -> None:
    say(f"{deployment.id} is at {', '.join(deployment.addresses)}")


def _row(deployment: Deployment) -> tuple[str, ...]:
    work = [f"{deployment.in_flight} in flight"] if deployment.in_flight else []
    work += [f"{deployment.waiting} waiting"] if deployment.waiting else []
    return (
        deployment.id,
        ", ".join(deployment.addresses),
        deployment.status,
        ", ".join(work) or "no work",
        deployment.sdk_version,
        ", ".join(deployment.services),
    )
