"""TLS of clients and servers: which files they need, checked before they are used and read again when they change."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from perdure.errors import UsageError
from perdure.watched import Watched, unreadable

# gRPC and JSON share a port. The first that a client offers too is spoken: gRPC clients offer HTTP/2 alone, while
# browsers and curl offer both, and are answered over HTTP/1.1 only.
SERVER_PROTOCOLS = ["http/1.1", "h2"]
CLIENT_PROTOCOLS = ["h2"]
# OpenSSL's number for a certificate whose time is over.
EXPIRED = 10


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS of a client or a server. All files are PEM, and are read again when they change.

    Attributes:
        certificate: The certificate chain that is shown, the own certificate first. A server needs one.
        key: Its private key, without a password.
        ca: The authorities that the other side is checked against. A client without them trusts those of the system; a
            server with them takes nobody without a certificate of theirs.
        server_name: What the certificate of the server must be for, where that is not the host of its address.
    """

    certificate: str | Path | None = None
    key: str | Path | None = None
    ca: str | Path | None = None
    server_name: str = ""

    def client_context(self) -> ssl.SSLContext:
        """What connections are made with.

        Raises:
            UsageError: A file is missing, or does not do.
        """
        return _Renewed(ssl.PROTOCOL_TLS_CLIENT, self._watched(self._make_client), self.server_name)

    def server_context(self) -> ssl.SSLContext:
        """What connections are taken with.

        Raises:
            UsageError: A file is missing, or does not do.
        """
        if self.certificate is None:
            raise UsageError("TLS of a server needs a certificate and its key: name both files")
        return _Renewed(ssl.PROTOCOL_TLS_SERVER, self._watched(self._make_server))

    def _make_client(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.ca is None:
            context.load_default_certs()
        else:
            _trust(context, Path(self.ca))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(CLIENT_PROTOCOLS)
        self._show(context, of_server=False)
        return context

    def _make_server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(SERVER_PROTOCOLS)
        self._show(context, of_server=True)
        if self.ca is not None:
            _trust(context, Path(self.ca))
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _show(self, context: ssl.SSLContext, *, of_server: bool) -> None:
        """Loads the certificate that is shown to the other side, if there is one."""
        if (self.certificate is None) != (self.key is None):
            raise UsageError("certificate and key go together: name both, or none")
        if self.certificate is None or self.key is None:
            return
        certificate, key = Path(self.certificate), Path(self.key)
        try:
            # Without a password given, OpenSSL would ask for one at the terminal.
            context.load_cert_chain(certificate, key, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise UsageError(
                    f"{key} is not the key of the certificate {certificate}: name those that belong together"
                ) from error
            raise UsageError(
                f"{certificate} and {key} are no certificate and its key in PEM, without a password: "
                f"{error.reason or error}"
            ) from error
        except OSError as error:
            raise unreadable(
                "certificate or key of TLS", certificate if not certificate.exists() else key, error
            ) from error
        _rehearse(certificate, key, of_server=of_server)

    def _watched(self, make: Callable[[], ssl.SSLContext]) -> Watched[ssl.SSLContext]:
        paths = [Path(path) for path in (self.certificate, self.key, self.ca) if path is not None]
        return Watched("certificate of TLS", paths, make)


class _Renewed(ssl.SSLContext):
    """A context of asyncio, which calls ``wrap_bio``: each connection begins with one of the files as they are now."""

    _watched: Watched[ssl.SSLContext]
    _server_name: str

    def __new__(cls, protocol: int, watched: Watched[ssl.SSLContext], server_name: str = "") -> "_Renewed":
        self = super().__new__(cls, protocol)
        self._watched = watched
        self._server_name = server_name
        return self

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begins a connection, as asyncio does."""
        name = self._server_name or server_hostname
        return self._watched.get().wrap_bio(incoming, outgoing, server_side, name, session)


def _trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise UsageError(f"{ca} has no certificate of an authority in PEM: {error.reason or error}") from error
    except OSError as error:
        raise unreadable("authorities of TLS", ca, error) from error


def _rehearse(certificate: Path, key: Path, *, of_server: bool) -> None:
    """Shows a certificate to somebody who trusts nothing but it: its time may be over, or it may be for another side.

    Without this only those who connect would be told, each time.
    """
    sides = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for side in sides:
        side.check_hostname = False
        side.verify_mode = ssl.CERT_NONE
        side.load_cert_chain(certificate, key, password="")
    judge = sides[0] if of_server else sides[1]
    judge.load_verify_locations(certificate)
    judge.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    judge.verify_mode = ssl.CERT_REQUIRED
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = sides[0].wrap_bio(to_client, to_server)
    server = sides[1].wrap_bio(to_server, to_client, server_side=True)
    try:
        for side_of in (client, server, client, server):
            try:
                side_of.do_handshake()
            except ssl.SSLWantReadError:
                continue
    except ssl.SSLCertVerificationError as error:
        if error.verify_code == EXPIRED:
            raise UsageError(f"the certificate {certificate} has expired; renew it") from error
        whom = "servers" if of_server else "clients"
        raise UsageError(f"the certificate {certificate} is of no use for {whom}: {error.verify_message}") from error
