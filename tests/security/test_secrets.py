"""Credentials in use: they come up in no log, however much is logged, and in no answer."""

import asyncio
import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import perdure
from perdure import Client, TerminalError
from perdure.generic import GenericClient
from perdure.serve import EndpointServer
from perdure_protos.perdure.admin.v1.deployments_pb2 import ListDeploymentsRequest, ListDeploymentsResponse
from perdure_runtime.admin.asking import AdminRefused, Asking
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.invoker.remote import Remote
from perdure_runtime.node.node import Node
from perdure_runtime.security.signing import Signer, new_signing_key
from perdure_runtime.storage.sqlite import SqliteStorage
from perdure_runtime.telemetry.logs import configure_logs
from perdure_runtime.telemetry.settings import LogSettings

from tests.admin.town import Trials
from tests.security.doors import HOST, PATIENCE_S, ask
from tests.security.people import ADMIN, STRANGER, bearer, guard
from tests.security.tokens import Provider

FIRST = "/trial.v1.Trial/First"


@contextmanager
def everything_logged() -> Iterator[io.StringIO]:
    """The logs of a process whose operator wants to see all that there is."""
    root, stream = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    configure_logs(LogSettings(level="debug"), stream=stream)
    try:
        yield stream
    finally:
        root.handlers[:] = before
        root.setLevel(level)


async def use(directory: Path, provider: Provider, secrets: list[str]) -> list[str]:
    """Uses each secret in each place that takes one, rightly and wrongly; returns all that was answered."""
    key = directory / "signing.pem"
    key.write_bytes(new_signing_key().private_pem)
    signer = Signer(key)
    known = guard(provider)
    storage = SqliteStorage(directory / "data.db")
    node = Node(storage, remote=Remote(signer=signer))
    endpoint = EndpointServer(perdure.Endpoint(Trials(), accept_from=[signer.public]), HOST, 0)
    ingress = Ingress(node.router, HOST, 0, guard=known)
    admin = AdminServer(AdminService(node.administration), HOST, 0, guard=known)
    said: list[str] = []
    async with asyncio.timeout(2 * PATIENCE_S):
        for each in (endpoint, node, ingress, admin):
            await each.start()
        await node.administration.register([f"{HOST}:{endpoint.port}"], force=False, verify=False)
        for secret in secrets:
            for port, path in ((ingress.port, FIRST), (ingress.port, "/"), (admin.port, "/openapi.json")):
                for shown in (bearer(secret), {"x-api-key": secret}, {"cookie": f"perdure_session={secret}"}):
                    for method in ("GET", "POST"):
                        answer = await ask(port, method, path, shown, b'{"text": "fails"}')
                        said += [answer.body.decode(), str(answer.headers)]
            said += [await called(ingress.port, secret), await asked(admin.port, secret)]
        await asyncio.gather(ingress.close(0), admin.close(0), node.close(), endpoint.close())
    return said


async def called(port: int, secret: str) -> str:
    """What a caller hears."""
    try:
        async with Client(f"{HOST}:{port}", token=secret) as client:
            return repr(await GenericClient(client).call("trial.v1.Trial", "First", b""))
    except TerminalError as error:
        return repr(error)


async def asked(port: int, secret: str) -> str:
    """What an operator hears."""
    try:
        asking = Asking(HOST, port, headers=bearer(secret))
        return str(await asking.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse))
    except AdminRefused as error:
        return repr(error)


def test_no_credential_is_logged_answered_or_stored(tmp_path: Path) -> None:
    provider = Provider(tmp_path)
    secrets = [
        ADMIN.text,
        STRANGER.text,
        f"{ADMIN.text.rpartition('_')[0]}_{'e' * 64}",
        provider.token(),
        provider.token("EdDSA", exp=1),
        "hunter2-is-no-credential",
    ]
    with everything_logged() as logs:
        said = asyncio.run(use(tmp_path, provider, secrets))
    written = b"".join(file.read_bytes() for file in tmp_path.glob("data.db*"))
    assert "this API key is none that the node knows" in logs.getvalue(), "refusals are logged"
    assert b"First" in written, "invocations are stored"
    for secret in secrets:
        hidden = secret.rpartition("_")[2] if secret.startswith("pk_") else secret
        assert hidden not in logs.getvalue()
        assert hidden not in "\n".join(said)
        assert hidden.encode() not in written
