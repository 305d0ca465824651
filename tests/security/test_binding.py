"""Safe by default: what may listen where."""

from pathlib import Path

import pytest
from perdure_runtime.security.binding import check_binding, check_endpoint, is_loopback
from perdure_runtime.security.keys import new_key
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import AuthSettings, CertificateName, ListenerTls, PeerTls, TlsSettings

FILE = Path("file.pem")
CLEAR = TlsSettings()
ENCRYPTED = TlsSettings(
    ingress=ListenerTls(certificate=FILE, key=FILE), peer=PeerTls(certificate=FILE, key=FILE, ca=FILE)
)
ASKED = AuthSettings(api_keys=(new_key("ada").settings,))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_this_machine_may_do_everything(host: str) -> None:
    assert is_loopback(host)
    assert check_binding(AuthSettings(), CLEAR, {"ingress": host, "admin": host, "peer": host}) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "node.example", "localhost.example", ""])
@pytest.mark.parametrize("listener", ["ingress", "admin", "peer"])
def test_beyond_this_machine_nothing_listens_without_authentication(host: str, listener: str) -> None:
    with pytest.raises(SecurityProblem, match=rf"the {listener} would listen on .*; set .* or say --insecure"):
        check_binding(AuthSettings(), CLEAR, {listener: host})


def test_it_does_when_that_is_said_plainly_and_people_are_warned() -> None:
    [warning] = check_binding(AuthSettings(insecure=True), CLEAR, {"ingress": "0.0.0.0"})
    assert warning == "insecure: whoever reaches the ingress at 0.0.0.0 may do everything"


def test_with_authentication_it_does_and_people_are_warned_of_the_clear() -> None:
    [warning] = check_binding(ASKED, CLEAR, {"ingress": "0.0.0.0"})
    assert "speaks in the clear" in warning
    assert check_binding(ASKED, ENCRYPTED, {"ingress": "0.0.0.0"}) == []


def test_api_keys_are_no_authentication_of_peers() -> None:
    with pytest.raises(SecurityProblem, match=r"the peer would listen .*\[tls\.peer\]"):
        check_binding(ASKED, CLEAR, {"peer": "0.0.0.0"})
    assert check_binding(AuthSettings(), ENCRYPTED, {"peer": "0.0.0.0"}) == []


def test_certificates_that_nobody_is_asked_for_are_a_mistake() -> None:
    with pytest.raises(SecurityProblem, match="nobody is asked for one"):
        check_binding(AuthSettings(certificates=(CertificateName(name="billing"),)), ENCRYPTED, {})


def test_an_endpoint_beyond_this_machine_knows_its_nodes() -> None:
    with pytest.raises(SecurityProblem, match="name the nodes with --accept-from"):
        check_endpoint("0.0.0.0", authenticates=False, insecure=False)
    check_endpoint("0.0.0.0", authenticates=True, insecure=False)
    check_endpoint("0.0.0.0", authenticates=False, insecure=True)
    check_endpoint("127.0.0.1", authenticates=False, insecure=False)
