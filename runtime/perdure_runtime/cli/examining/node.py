"""A node: whether it answers, its clock and certificates, and the endpoints that it sends work to."""

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version

from perdure_protos.perdure.admin.v1.cluster_pb2 import Cluster, GetClusterRequest, QueryRequest, QueryResponse
from perdure_protos.perdure.admin.v1.deployments_pb2 import ListDeploymentsRequest, ListDeploymentsResponse
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    CountInvocationsRequest,
    CountInvocationsResponse,
    InvocationFilter,
)

from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.secure import tls_of
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.examining.finding import Finding, fail, ok, warn
from perdure_runtime.cli.printing import counted
from perdure_runtime.cli.problem import Problem

PATIENCE_S = 5.0
CLOCK_S = 1.0
# The time of the node, in seconds.
NOW = "select unixepoch('subsec')"
# A certificate that ends so soon is to be renewed.
RENEWAL_S = 21 * 86_400.0


def examine(connection: Connection, ingress: str, now: float) -> Iterator[Finding]:
    """Looks at a node, and at what it says of others. ``now`` is the time here."""
    yield from _ingress(connection, ingress)
    yield from _certificates(connection, {"admin": connection.admin, "ingress": ingress}, now)
    try:
        cluster = ask(connection, GetClusterRequest(), Cluster, PATIENCE_S)
    except Problem as problem:
        yield fail("admin", str(problem), "start a node, or name it with --admin HOST:PORT")
        return
    yield _version(connection, cluster)
    yield from _nodes(cluster)
    yield _clock(connection)
    yield from _endpoints(connection)
    yield _paused(connection)


def _ingress(connection: Connection, address: str) -> Iterator[Finding]:
    host, port = parse_address("--ingress", address)
    context = tls_of(connection)
    try:
        line = (
            http.client.HTTPConnection(host, port, timeout=PATIENCE_S)
            if context is None
            else http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=context)
        )
        with closing(line):
            line.request("GET", "/")
            line.getresponse()
    except (OSError, http.client.HTTPException) as error:
        fact = f"nobody answers at {address}: {error or type(error).__name__}"
        yield fail("ingress", fact, "start a node, or name its ingress with --ingress HOST:PORT")
        return
    yield ok("ingress", f"answers at {address}")


def _certificates(connection: Connection, addresses: dict[str, str], now: float) -> Iterator[Finding]:
    context = tls_of(connection)
    if context is None:
        return
    for name, address in addresses.items():
        subject = f"certificate of {name}"
        host, port = parse_address(f"--{name}", address)
        try:
            with (
                socket.create_connection((host, port), PATIENCE_S) as plain,
                context.wrap_socket(plain, server_hostname=host) as line,
            ):
                ends = str((line.getpeercert() or {}).get("notAfter", ""))
        except OSError as error:
            yield fail(subject, f"{address}: {error}", "look at --ca, and at the names in the certificate")
            continue
        left_s = ssl.cert_time_to_seconds(ends) - now
        days = f"it ends in {left_s / 86_400:.0f} days"
        yield warn(subject, days, "renew it now") if left_s < RENEWAL_S else ok(subject, days)


def _version(connection: Connection, cluster: Cluster) -> Finding:
    here = version("perdure")
    if cluster.version == here:
        return ok("admin", f"answers at {connection.admin}, version {cluster.version}")
    fact = f"{connection.admin} runs perdure {cluster.version}, and this is {here}"
    return warn("admin", fact, "use the perdure command of the node's version")


def _clock(connection: Connection) -> Finding:
    """The answer of a query is as old as its way back, at most as long as it took."""
    began = time.time()
    try:
        answer = ask(connection, QueryRequest(sql=NOW), QueryResponse, PATIENCE_S)
    except Problem as problem:
        return warn("clock", f"the node does not tell its time: {problem}", "perdure sql must work for that")
    (there,) = json.loads(answer.rows[0])
    skew_s = max(began - there, there - time.time(), 0.0)
    if skew_s <= CLOCK_S:
        return ok("clock", "the node's is that of this machine")
    return warn("clock", f"the node's differs by {skew_s:.0f} s from this machine's", "let NTP set both")


def _nodes(cluster: Cluster) -> Iterator[Finding]:
    for node in cluster.nodes:
        if node.status == "lost":
            yield warn(f"node {node.id}", "is lost; others do its work", "look at its machine and its log")
    orphans = [each.partition for each in cluster.partitions if not each.owner]
    if orphans and len(cluster.nodes) > 1:
        fact = f"{counted(len(orphans), 'partition')} of {len(cluster.partitions)} have no owner"
        yield warn("partitions", fact, "wait for some seconds; if it stays so, look at the logs of the nodes")


def _endpoints(connection: Connection) -> Iterator[Finding]:
    answer = ask(connection, ListDeploymentsRequest(), ListDeploymentsResponse, PATIENCE_S)
    if not answer.deployments:
        yield warn("deployments", "no endpoint is registered", "perdure deployments register HOST:PORT")
    for deployment in answer.deployments:
        for address in deployment.addresses:
            yield _endpoint(deployment.id, address, needed=deployment.status != "drained")


def _endpoint(deployment_id: str, address: str, *, needed: bool) -> Finding:
    subject = f"endpoint {address}"
    try:
        host, port = parse_address("", address)
    except Problem:
        # The handlers of `perdure dev` have no address of their own.
        return ok(subject, f"serves {deployment_id} within the node")
    try:
        socket.create_connection((host, port), PATIENCE_S).close()
    except OSError as error:
        fact = f"of {deployment_id} is not reached from here: {error}"
        if needed:
            return fail(subject, fact, "start it again, or take it out: perdure deployments leave")
        return warn(subject, fact, f"it has no work: perdure deployments remove {deployment_id}")
    return ok(subject, f"serves {deployment_id}")


def _paused(connection: Connection) -> Finding:
    request = CountInvocationsRequest(filter=InvocationFilter(statuses=["paused"]))
    paused = ask(connection, request, CountInvocationsResponse, PATIENCE_S).count
    if not paused:
        return ok("invocations", "none is paused")
    fact = f"{counted(paused, 'invocation')} {'is' if paused == 1 else 'are'} paused"
    return warn("invocations", fact, "perdure invocations list --status paused")
