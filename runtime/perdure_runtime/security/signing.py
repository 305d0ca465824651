"""The node's side of signed requests: its private key, and what it signs. The endpoint's side is perdure.signatures."""

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from perdure import UsageError
from perdure.signatures import NONCE_BYTES, SIGNATURE, Claim, Clock, key_id_of, write_public
from perdure.watched import Watched, read_file

from perdure_runtime.security.problem import SecurityProblem, missing_extra
from perdure_runtime.security.settings import SigningSettings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FILE = "signing key"


@dataclass(frozen=True, slots=True)
class NewSigningKey:
    """A key that was made: ``private_pem`` is for the node's file, ``public`` for its endpoints."""

    private_pem: bytes
    public: str


def new_signing_key() -> NewSigningKey:
    """Makes a key. Raises SecurityProblem where `cryptography` is not installed."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    except ImportError as error:
        raise missing_extra("a signing key", error) from error
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return NewSigningKey(pem, write_public(key.public_key().public_bytes_raw()))


class Signer:
    """Signs what the node asks of endpoints. Its key is read again when its file changes."""

    def __init__(self, path: Path, now: Clock = time.time) -> None:
        """Reads the key. Raises SecurityProblem."""
        try:
            self._key = Watched(FILE, [path], lambda: _read(path))
        except SecurityProblem:
            raise
        except UsageError as error:
            raise SecurityProblem(str(error)) from error
        self._now = now

    @classmethod
    def load(cls, settings: SigningSettings) -> "Signer | None":
        """The signer that the settings name; None where requests are not signed. Raises SecurityProblem."""
        return None if settings.key is None else cls(settings.key)

    @property
    def public(self) -> str:
        """What endpoints are given."""
        return write_public(self._key.get().public_key().public_bytes_raw())

    def metadata(self, address: str, path: str) -> dict[str, str]:
        """What a request for a path is sent with to the endpoint at an address: another one each time."""
        key = self._key.get()
        claim = Claim(
            key_id=key_id_of(key.public_key().public_bytes_raw()),
            at_ms=round(self._now() * 1000),
            nonce=secrets.token_hex(NONCE_BYTES),
            audience=address,
            path=path,
        )
        return {SIGNATURE: claim.written(key.sign(claim.statement()))}


def _read(path: Path) -> "Ed25519PrivateKey":
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError as error:
        raise missing_extra("signing.key", error) from error
    try:
        key = load_pem_private_key(read_file(FILE, path), None)
    # What it raises for PEM that is none, or that has a password.
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SecurityProblem(f"{path} ({FILE}) is no private key in PEM, without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SecurityProblem(f"{path} ({FILE}) is no Ed25519 key; perdure keys signing makes one")
    return key
