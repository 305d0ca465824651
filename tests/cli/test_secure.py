"""Commands and a node that asks who they are: API keys, TLS, client certificates."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from perdure_runtime.security.keys import new_key
from perdure_runtime.security.principal import Role
from perdure_runtime.security.settings import AuthSettings

from tests.cli.gate import gate
from tests.cli.town import Ran, perdure
from tests.security.authority import Authority, Files

ADA = new_key("ada", Role.VIEWER, ["shop.v1.*"])


@dataclass(frozen=True)
class Gate:
    """The gate, and what opens it."""

    ingress: str
    admin: str
    ca: Path
    shown: Files

    def perdure(self, *arguments: str) -> Ran:
        """Runs a command over TLS, with a client certificate."""
        files = ("--ca", str(self.ca), "--cert", str(self.shown.certificate), "--cert-key", str(self.shown.key))
        return perdure(*arguments, "--admin", self.admin, *files)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    """A gate that knows Ada."""
    directory = tmp_path_factory.mktemp("gate")
    authority = Authority(directory)
    with gate(authority, AuthSettings(api_keys=(ADA.settings,))) as (ingress, admin):
        yield Gate(ingress, admin, authority.ca, authority.give("operator"))


def test_a_key_opens_the_gate_however_it_is_given(
    closed: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text(f"{ADA.text}\n")

    assert closed.perdure("nodes", "--api-key", ADA.text).exit_code == 0
    assert closed.perdure("nodes", "--api-key-file", str(file)).exit_code == 0
    monkeypatch.setenv("PERDURE_KEY", ADA.text)
    assert closed.perdure("nodes").exit_code == 0


def test_without_a_key_the_sentence_says_what_is_missing_and_no_secret(closed: Gate) -> None:
    ran = closed.perdure("nodes")
    assert (ran.exit_code, ran.out) == (2, "")
    assert ran.err.startswith("perdure: ")

    wrong = closed.perdure("nodes", "--api-key", f"{ADA.text[:-4]}0000")
    assert wrong.exit_code == 2
    assert ADA.text[:-4] not in wrong.err


def test_what_is_beyond_a_role_is_refused(closed: Gate) -> None:
    ran = closed.perdure("invocations", "purge", "--all", "--yes", "--api-key", ADA.text)
    assert ran.out == "there are none\n"

    ran = closed.perdure("deployments", "remove", "dp_1", "--api-key", ADA.text)
    assert ran.exit_code == 2
    assert "admin" in ran.err


def test_a_call_shows_the_same_credentials(closed: Gate) -> None:
    ran = closed.perdure("call", "shop.v1.Orders/Process", "{}", "--ingress", closed.ingress)
    assert ran.err.startswith("perdure: unauthenticated: ")

    ran = closed.perdure("call", "shop.v1.Orders/Process", "{}", "--ingress", closed.ingress, "--api-key", ADA.text)
    assert ran.err.startswith("perdure: unimplemented: ")


def test_a_node_whose_certificate_nobody_trusts_is_not_asked(closed: Gate) -> None:
    ran = perdure("nodes", "--tls", "--admin", closed.admin)

    assert ran.exit_code == 2
    assert "certificate" in ran.err


def test_the_doctor_tells_when_certificates_end(closed: Gate) -> None:
    ran = closed.perdure("doctor", "--ingress", closed.ingress, "--api-key", ADA.text)

    assert "certificate of admin" in ran.out
    assert "renew it now" in ran.out
