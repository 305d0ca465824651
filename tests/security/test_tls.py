"""TLS of clients and servers: handshakes are real, over pipes in memory."""

import logging
import ssl
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID
from perdure import Tls, UsageError
from perdure.watched import LOOK_EVERY_S, Watched

from tests.security.authority import DAY, NOW, Authority, Files


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Whom both sides trust."""
    return Authority(tmp_path)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str = "localhost") -> tuple[str, object]:
    """What both have agreed to speak, and the certificate that the server has seen. Raises ssl.SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = client.wrap_bio(to_client, to_server, server_hostname=host)
    called = server.wrap_bio(to_server, to_client, server_side=True)
    left = [caller, called]
    for _ in range(10):
        for side in list(left):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            left.remove(side)
    assert left == []
    return str(caller.selected_alpn_protocol()), called.getpeercert()


def server_of(files: Files, ca: Path | None = None) -> ssl.SSLContext:
    """How a server takes connections."""
    return Tls(files.certificate, files.key, ca).server_context()


def test_a_client_that_trusts_the_authority_speaks_http2(authority: Authority) -> None:
    protocol, _ = handshake(server_of(authority.give("node")), Tls(ca=authority.ca).client_context())
    assert protocol == "h2"


def test_a_server_speaks_http1_with_those_who_want_that(authority: Authority) -> None:
    client = ssl.create_default_context(cafile=authority.ca)
    client.set_alpn_protocols(["http/1.1"])
    assert handshake(server_of(authority.give("node")), client)[0] == "http/1.1"


def test_who_offers_both_as_browsers_do_gets_http1(authority: Authority) -> None:
    client = ssl.create_default_context(cafile=authority.ca)
    client.set_alpn_protocols(["h2", "http/1.1"])
    assert handshake(server_of(authority.give("node")), client)[0] == "http/1.1"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nothing_older_than_tls_1_2_is_spoken(authority: Authority) -> None:
    client = ssl.create_default_context(cafile=authority.ca)
    client.minimum_version = ssl.TLSVersion.TLSv1
    client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError):
        handshake(server_of(authority.give("node")), client)


def test_a_client_refuses_a_server_of_another_authority(authority: Authority, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_of(other.give("node")), Tls(ca=authority.ca).client_context())


def test_a_client_refuses_a_certificate_for_another_host(authority: Authority) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_of(authority.give("node")), Tls(ca=authority.ca).client_context(), "elsewhere.example")


def test_the_name_of_the_server_can_be_another_than_its_host(authority: Authority) -> None:
    client = Tls(ca=authority.ca, server_name="node").client_context()
    assert handshake(server_of(authority.give("node")), client, "10.0.0.7")[0] == "h2"


def test_a_server_with_authorities_sees_the_certificate_of_its_client(authority: Authority) -> None:
    server = server_of(authority.give("node"), authority.ca)
    _, seen = handshake(server, authority.tls("billing").client_context())
    assert isinstance(seen, dict)
    assert seen["subject"] == ((("commonName", "billing"),),)


def test_a_server_with_authorities_refuses_a_client_without_a_certificate(authority: Authority) -> None:
    with pytest.raises(ssl.SSLError, match=r"(?i)peer did not return a certificate|certificate required"):
        handshake(server_of(authority.give("node"), authority.ca), Tls(ca=authority.ca).client_context())


def test_a_server_with_authorities_refuses_a_client_of_another_one(authority: Authority, tmp_path: Path) -> None:
    strange = Authority(tmp_path, "other").give("billing")
    client = Tls(strange.certificate, strange.key, authority.ca).client_context()
    with pytest.raises(ssl.SSLError):
        handshake(server_of(authority.give("node"), authority.ca), client)


def test_a_missing_file_is_named(authority: Authority, tmp_path: Path) -> None:
    files = authority.give("node")
    with pytest.raises(UsageError, match=r"cannot read .*absent\.key .*No such file"):
        Tls(files.certificate, tmp_path / "absent.key").server_context()
    with pytest.raises(UsageError, match=r"cannot read .*absent\.pem"):
        Tls(ca=tmp_path / "absent.pem").client_context()


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    one, other = authority.give("one"), authority.give("other")
    with pytest.raises(UsageError, match=r"other\.key is not the key of the certificate .*one\.pem"):
        Tls(one.certificate, other.key).server_context()


def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    old = authority.give("old", until=NOW - DAY)
    with pytest.raises(UsageError, match=r"old\.pem has expired; renew it"):
        Tls(old.certificate, old.key).server_context()


def test_a_certificate_for_the_other_side_is_refused(authority: Authority) -> None:
    for_clients = authority.give("billing", usages=(ExtendedKeyUsageOID.CLIENT_AUTH,))
    with pytest.raises(UsageError, match=r"billing\.pem is of no use for servers"):
        Tls(for_clients.certificate, for_clients.key).server_context()
    assert Tls(for_clients.certificate, for_clients.key).client_context()


def test_what_is_no_pem_is_refused(authority: Authority, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("no certificate")
    with pytest.raises(UsageError, match=r"broken\.pem .* are no certificate and its key in PEM"):
        Tls(broken, authority.give("node").key).server_context()
    with pytest.raises(UsageError, match=r"broken\.pem has no certificate of an authority"):
        Tls(ca=broken).client_context()


def test_a_certificate_without_its_key_is_refused(authority: Authority) -> None:
    with pytest.raises(UsageError, match="certificate and key go together"):
        Tls(authority.give("node").certificate).client_context()


class Value:
    """A value that is read from a file, at times that the test says."""

    def __init__(self, path: Path) -> None:
        self.now = 0.0
        self._path = path
        self.watched = Watched("list of names", [path], self._read, lambda: self.now)

    def later(self) -> str:
        """The value, some time later."""
        self.now += LOOK_EVERY_S
        return self.watched.get()

    def _read(self) -> str:
        text = self._path.read_text()
        if "wrong" in text:
            raise UsageError("it holds a wrong name")
        return text


def test_what_a_file_holds_follows_the_file(tmp_path: Path) -> None:
    path = tmp_path / "names"
    path.write_text("ada")
    value = Value(path)
    path.write_text("grace")
    assert value.watched.get() == "ada", "it is looked at once a second"
    assert value.later() == "grace"


def test_a_file_that_makes_no_value_leaves_the_last_good_one(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "names"
    path.write_text("ada")
    value = Value(path)
    path.write_text("all wrong")
    with caplog.at_level(logging.INFO, "perdure"):
        assert value.later() == "ada"
        path.unlink()
        assert value.later() == "ada"
    assert "the list of names stays as it was: it holds a wrong name" in caplog.text
    path.write_text("grace")
    assert value.later() == "grace"


def test_a_server_shows_the_certificate_that_its_file_holds_now(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.watched.LOOK_EVERY_S", 0)
    server, client = server_of(authority.give("node")), authority.tls("billing").client_context()
    handshake(server, client, "node")
    authority.give("renamed", file="node")
    handshake(server, client, "renamed")
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server, client, "node")
