"""What can be set about security: the sections ``[tls]``, ``[auth]`` and ``[signing]`` of the configuration.

Files are named, never held: a configuration can be printed. The one exception are hashes of API keys, from which no
key can be found.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from perdure_runtime.security.principal import Role


class Frozen(BaseModel):
    """A part of the settings: a name that means nothing is an error."""

    # An error that shows what was written would show a secret that was written by mistake.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)


def _role(value: object) -> object:
    names = {role.name.lower(): role for role in Role}
    if isinstance(value, str):
        if value not in names:
            raise ValueError(f"it is no role; write {', '.join(names)}")
        return names[value]
    return value


def _go_together(**files: Path | None) -> None:
    given = [name for name, file in files.items() if file is not None]
    if given and len(given) < len(files):
        raise ValueError(f"{' and '.join(files)} go together: name all, or none")


# Written by its name.
RoleName = Annotated[
    Role, BeforeValidator(_role), PlainSerializer(lambda role: role.name.lower(), when_used="unless-none")
]


class ListenerTls(Frozen):
    """TLS of a listener, which is on where a certificate is named."""

    certificate: Path | None = None
    """Certificate chain of the listener, PEM, its own certificate first."""
    key: Path | None = None
    """Private key of the certificate, PEM, without a password."""
    client_ca: Path | None = None
    """Authorities (PEM) of client certificates, which everybody who connects must show then."""

    @property
    def is_on(self) -> bool:
        """Whether the listener speaks TLS."""
        return self.certificate is not None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _go_together(certificate=self.certificate, key=self.key)
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs TLS: name certificate and key too")
        return self


class ConnectionTls(Frozen):
    """TLS of connections that the node makes, which is on where it is said or a file is named."""

    enabled: bool = False
    """Speak TLS. Any of the files below says so too."""
    ca: Path | None = None
    """Authorities (PEM) that are trusted; without it those of the system."""
    certificate: Path | None = None
    """Certificate chain that the node shows, PEM."""
    key: Path | None = None
    """Private key of the certificate, PEM, without a password."""
    server_name: str = ""
    """What certificates of endpoints are for, where that is not the host of their address."""

    @property
    def is_on(self) -> bool:
        """Whether connections are made with TLS."""
        return self.enabled or self.ca is not None or self.certificate is not None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _go_together(certificate=self.certificate, key=self.key)
        return self


class PeerTls(Frozen):
    """TLS among nodes, in both directions: a node is let in by a certificate of ``ca``."""

    certificate: Path | None = None
    """Certificate chain of this node, PEM, for the host that it advertises."""
    key: Path | None = None
    """Private key of the certificate, PEM, without a password."""
    ca: Path | None = None
    """Authorities (PEM) of all nodes, and of nobody else."""
    server_name: str = ""
    """What the certificates of all nodes are for, where that is not the host that each advertises."""

    @property
    def is_on(self) -> bool:
        """Whether nodes speak TLS with each other."""
        return self.certificate is not None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        _go_together(certificate=self.certificate, key=self.key, ca=self.ca)
        return self


class TlsSettings(Frozen):
    """Where TLS is spoken; the rest speaks in the clear."""

    ingress: ListenerTls = ListenerTls()
    """TLS of the ingress."""
    admin: ListenerTls = ListenerTls()
    """TLS of the admin API, the web UI and the metrics."""
    peer: PeerTls = PeerTls()
    """TLS among nodes, with certificates on both sides."""
    endpoint: ConnectionTls = ConnectionTls()
    """TLS of connections to endpoints."""
    serve: ListenerTls = ListenerTls()
    """TLS of an endpoint that `perdure serve` serves."""


class ApiKey(Frozen):
    """Somebody who shows a key; ``perdure keys new`` makes one."""

    id: str = Field(pattern=r"^[0-9a-z]{1,32}$")
    """The part of the key that is no secret."""
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the secret, in hexadecimal."""
    name: str = Field(min_length=1)
    """What its bearer is called."""
    role: RoleName | None = None
    """What it may ask of the admin API: viewer, operator or admin."""
    services: tuple[str, ...] = ()
    """Patterns of services that it may call, such as shop.v1.*"""


class CertificateName(Frozen):
    """Somebody who shows a client certificate with this name."""

    name: str = Field(min_length=1)
    """A DNS or URI name of the certificate, or its common name."""
    role: RoleName | None = None
    """What it may ask of the admin API: viewer, operator or admin."""
    services: tuple[str, ...] = ()
    """Patterns of services that it may call, such as shop.v1.*"""


class JwtSettings(Frozen):
    """Tokens of an identity provider, which are taken where its issuer is named."""

    issuer: str = ""
    """What the claim iss must be."""
    audience: str = ""
    """What the claim aud must have."""
    jwks: Path | None = None
    """File with the provider's keys (JSON Web Key Set), read again when it changes."""
    roles_claim: str = "roles"
    """Claim that names the role, as a text or a list: viewer, operator or admin."""
    services_claim: str = "services"
    """Claim with patterns of services that may be called, as a text with spaces or a list."""
    leeway: timedelta = Field(default=timedelta(seconds=10), ge=timedelta(0), le=timedelta(minutes=5))
    """How far the clocks of the provider and of the node may differ."""

    @property
    def is_on(self) -> bool:
        """Whether tokens are taken."""
        return bool(self.issuer)

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = (bool(self.issuer), bool(self.audience), self.jwks is not None)
        if any(given) and not all(given):
            raise ValueError(
                "issuer, audience and jwks go together: a token of somebody else, or for somebody else, "
                "must be told from yours; name all three"
            )
        return self


class AuthSettings(Frozen):
    """Who may ask. By default nobody is asked who they are, and so nothing listens beyond this machine."""

    insecure: bool = Field(default=False, json_schema_extra={"flag": "--insecure"})
    """Listen beyond this machine without authentication: everybody who reaches the node may do everything."""
    api_keys: tuple[ApiKey, ...] = ()
    """Who may ask, by the keys that they show."""
    api_keys_file: Path | None = None
    """More api_keys, as [[api_keys]] in a TOML file of their own that is read again when it changes."""
    jwt: JwtSettings = JwtSettings()
    """Who may ask, by the tokens of an identity provider."""
    certificates: tuple[CertificateName, ...] = ()
    """Who may ask, by the client certificates that they show; tls.ingress.client_ca or tls.admin.client_ca asks for
    them."""
    public_awakeables: bool = False
    """Whoever knows the id of an awakeable completes it at the ingress, without credentials."""
    public_metrics: bool = False
    """Metrics are shown to whoever asks, without credentials."""

    @property
    def is_on(self) -> bool:
        """Whether callers and operators have to say who they are."""
        return bool(self.api_keys or self.api_keys_file or self.certificates or self.jwt.is_on)

    @model_validator(mode="after")
    def _is_coherent(self) -> Self:
        ids = [key.id for key in self.api_keys]
        twice = sorted({each for each in ids if ids.count(each) > 1})
        if twice:
            raise ValueError(f"the id {twice[0]} is there twice in api_keys; make another key")
        return self


class SigningSettings(Frozen):
    """How endpoints know that a node asks them: the node's side, and that of `perdure serve`."""

    key: Path | None = None
    """Ed25519 private key (PEM) that signs what this node asks of endpoints; perdure keys signing makes one."""
    accept_from: tuple[str, ...] = Field(default=(), json_schema_extra={"flag": "--accept-from"})
    """Public keys of nodes, as perdure keys signing prints them: `perdure serve` takes what one of them has signed."""
    known_as: tuple[str, ...] = Field(default=(), json_schema_extra={"flag": "--known-as"})
    """Each HOST:PORT by which nodes know what `perdure serve` serves: what is signed for another one is refused."""
