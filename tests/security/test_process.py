"""Nodes as people start them: safe by default, and with everything that can be set on."""

import os
import subprocess
import sys
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import perdure
import pytest
from mail.v1 import Confirmation, MailServiceClient
from perdure_runtime.security.signing import new_signing_key

from examples.demo.processes import ROOT, Service, free_port
from tests.security.authority import Authority
from tests.security.people import ADMIN, STRANGER

APP = "examples.reliable_communication.app:app"
PATIENCE = timedelta(seconds=30)


@pytest.mark.parametrize(
    "arguments",
    [
        ["dev", APP, "--ingress", "0.0.0.0:0"],
        ["up", "--admin", "0.0.0.0:0"],
        ["serve", APP, "--listen", "0.0.0.0:0"],
    ],
)
def test_nothing_listens_beyond_this_machine_without_authentication(tmp_path: Path, arguments: list[str]) -> None:
    data = [] if arguments[0] == "serve" else ["--data", str(tmp_path / "data")]
    command = [sys.executable, "-m", "perdure_runtime.cli", *arguments, *data]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert "beyond this machine" in ended.stderr
    assert "--insecure" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_node_with_all_of_it_on_runs_handlers_of_an_endpoint_with_all_of_it_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    files, key = authority.give("node"), ADMIN.settings
    public = _signing_key(tmp_path)
    (tmp_path / "node.toml").write_text(
        f'''
[tls.ingress]
certificate = "{files.certificate}"
key = "{files.key}"
[tls.admin]
certificate = "{files.certificate}"
key = "{files.key}"
[tls.endpoint]
certificate = "{files.certificate}"
key = "{files.key}"
ca = "{authority.ca}"
[signing]
key = "{tmp_path / "signing.pem"}"
[[auth.api_keys]]
id = "{key.id}"
hash = "{key.hash}"
name = "ada"
role = "admin"
services = ["mail.*"]
'''
    )
    (tmp_path / "endpoint.toml").write_text(
        f'''
[tls.serve]
certificate = "{files.certificate}"
key = "{files.key}"
client_ca = "{authority.ca}"
[signing]
accept_from = ["{public}"]
'''
    )
    ingress, admin, endpoint = free_port(), free_port(), free_port()
    ports = ["--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}", "--data", str(tmp_path / "data")]
    log = {"PERDURE_LEDGER": str(tmp_path / "ledger.txt")}
    node = Service("node", ["up", *ports, "--config", str(tmp_path / "node.toml")], ingress, tmp_path / "node.log")
    serving = ["serve", APP, "--listen", f"127.0.0.1:{endpoint}", "--config", str(tmp_path / "endpoint.toml")]
    served = Service("endpoint", serving, endpoint, tmp_path / "endpoint.log", log)
    tls = perdure.Tls(ca=authority.ca)
    with ExitStack() as started:
        for service in (node, served):
            started.callback(service.stop)
            service.start()
        _register(endpoint, admin, authority)
        with perdure.SyncClient(f"https://localhost:{ingress}", tls=tls, token=ADMIN.text, timeout=PATIENCE) as client:
            assert MailServiceClient(client).confirm(Confirmation(customer="ada", order_id="o-1")).message_id
        stranger = perdure.SyncClient(f"https://localhost:{ingress}", tls=tls, token=STRANGER.text, timeout=PATIENCE)
        with stranger, pytest.raises(perdure.TerminalError, match="UNAUTHENTICATED"):
            MailServiceClient(stranger).confirm(Confirmation(customer="ada", order_id="o-2"))
    said = (tmp_path / "node.log").read_text() + (tmp_path / "endpoint.log").read_text()
    assert ADMIN.text not in said
    assert STRANGER.text not in said


def _signing_key(directory: Path) -> str:
    """Makes the key of the node, and returns its public part."""
    made = new_signing_key()
    (directory / "signing.pem").write_bytes(made.private_pem)
    return made.public


def _register(endpoint: int, admin: int, authority: Authority) -> None:
    """Registers the endpoint, as an operator does."""
    command = [sys.executable, "-m", "perdure_runtime.cli", "deployments", "register", f"localhost:{endpoint}"]
    options = ["--admin", f"localhost:{admin}", "--ca", str(authority.ca)]
    environment = {**os.environ, "PERDURE_KEY": ADMIN.text}
    subprocess.run([*command, *options], cwd=ROOT, env=environment, check=True, capture_output=True, timeout=30)
