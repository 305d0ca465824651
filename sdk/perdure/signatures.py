"""Signatures of requests that nodes make of endpoints: how they are written, and how an endpoint checks them.

A node signs the opening of each request with its Ed25519 key. What it signs names the address that it means and the
path, so that another endpoint cannot use it; the time and a nonce, so that nobody can use it again.
"""

import base64
import binascii
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from perdure.errors import UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

# Metadata of a request.
SIGNATURE = "perdure-signature"
VERSION = "v1"
# Clocks of nodes and endpoints may differ by so much, and a request may take as long.
FRESH_S = 60.0
KEY_PREFIX = "ed25519:"
KEY_BYTES = 32
NONCE_BYTES = 16
FORM = re.compile(
    rf"{VERSION} key=([0-9a-f]{{16}}) at=(\d{{1,15}}) nonce=([0-9a-f]{{{2 * NONCE_BYTES}}}) for=(\S{{1,300}}) "
    r"signature=([0-9a-f]{128})"
)

Clock: TypeAlias = Callable[[], float]


class WrongSignature(Exception):
    """A request that no known node has made, or has made now, of this endpoint; the message says why."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signature is for: ``audience`` is the address of the endpoint, as the node has it."""

    key_id: str
    at_ms: int
    nonce: str
    audience: str
    path: str

    def statement(self) -> bytes:
        """What is signed."""
        return "\n".join(
            ("perdure request", VERSION, self.key_id, str(self.at_ms), self.nonce, self.audience, self.path)
        ).encode()

    def written(self, signature: bytes) -> str:
        """The value of the metadata."""
        return (
            f"{VERSION} key={self.key_id} at={self.at_ms} nonce={self.nonce} for={self.audience} "
            f"signature={signature.hex()}"
        )


def key_id_of(public: bytes) -> str:
    """What a public key is called."""
    return hashlib.sha256(public).hexdigest()[:16]


def write_public(public: bytes) -> str:
    """A public key as people copy it."""
    return KEY_PREFIX + base64.b64encode(public).decode()


class Verifier:
    """Knows the public keys of nodes, and which requests they have made lately."""

    def __init__(self, public_keys: Iterable[str], known_as: Sequence[str] = (), now: Clock = time.time) -> None:
        """Takes requests that are signed by one of these keys, as ``perdure keys signing`` writes them.

        With ``known_as`` requests must be for one of these addresses.

        Raises:
            UsageError: A key is none, or `cryptography` is not installed.
        """
        self._keys = dict(map(_read_public, public_keys))
        self._known_as = frozenset(known_as)
        self._now = now
        # Until when each one is remembered, the first to be forgotten first.
        self._nonces: dict[str, float] = {}

    def check(self, path: str, written: str | None) -> None:
        """Checks the signature of a request.

        Raises:
            WrongSignature: It is missing, or does not hold.
        """
        from cryptography.exceptions import InvalidSignature

        if written is None:
            raise WrongSignature(
                "this endpoint takes requests of nodes whose signing key it knows, and this one has no signature; set "
                "`key` in [signing] of the node"
            )
        form = FORM.fullmatch(written)
        if form is None:
            raise WrongSignature(f"the signature is in no form that this endpoint knows, which is {VERSION}")
        key_id, at_ms, nonce, audience, signature = form.groups()
        claim = Claim(key_id, int(at_ms), nonce, audience, path)
        key = self._keys.get(key_id)
        if key is None:
            raise WrongSignature(
                f"this endpoint does not know the signing key {key_id} of the node; give its public key to accept_from"
            )
        try:
            key.verify(bytes.fromhex(signature), claim.statement())
        except InvalidSignature as error:
            raise WrongSignature("the signature is not of this request") from error
        self._check_claim(claim)

    def _check_claim(self, claim: Claim) -> None:
        """What a node has signed may not be for now, or for here."""
        if self._known_as and claim.audience not in self._known_as:
            raise WrongSignature(
                f"the request is for {claim.audience}, and this endpoint is known as "
                f"{', '.join(sorted(self._known_as))}"
            )
        now = self._now()
        age_s = now - claim.at_ms / 1000
        if abs(age_s) > FRESH_S:
            raise WrongSignature(
                f"the request was signed {abs(age_s):.0f} s {'ago' if age_s > 0 else 'ahead of time'}, and "
                f"{FRESH_S:g} s are allowed: set the clocks of node and endpoint right"
            )
        self._forget(now)
        if claim.nonce in self._nonces:
            raise WrongSignature("the request was made before, and is taken once")
        self._nonces[claim.nonce] = now + 2 * FRESH_S

    def _forget(self, now: float) -> None:
        while self._nonces:
            nonce, until = next(iter(self._nonces.items()))
            if until > now:
                return
            del self._nonces[nonce]


def _read_public(written: str) -> tuple[str, "Ed25519PublicKey"]:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise UsageError(
            "accept_from needs cryptography, to check signatures; install it with: pip install 'perdure[security]'"
        ) from error
    try:
        public = base64.b64decode(written.removeprefix(KEY_PREFIX), validate=True)
    except binascii.Error:
        public = b""
    if not written.startswith(KEY_PREFIX) or len(public) != KEY_BYTES:
        raise UsageError(
            f"{written[:20]!r}… is no public key of a node: write {KEY_PREFIX} and the base64 that "
            "`perdure keys signing` prints"
        )
    return key_id_of(public), Ed25519PublicKey.from_public_bytes(public)
