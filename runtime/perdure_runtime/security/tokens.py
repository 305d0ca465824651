"""Tokens of an identity provider: JSON Web Tokens, checked by the keys in its key set."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from perdure.watched import Watched, read_file

from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.problem import SecurityProblem, missing_extra
from perdure_runtime.security.settings import JwtSettings

if TYPE_CHECKING:
    from jwt import PyJWK

# Signatures of private keys only: with a shared secret whoever can check a token could make one.
ALGORITHMS = ("RS256", "ES256", "EdDSA")
REQUIRED = ["exp", "iss", "aud", "sub"]
FILE = "key set of tokens"
ROLES = {role.name.lower(): role for role in Role}


class InvalidToken(Exception):
    """A token that is nobody's; the message says why, without the token."""


class Tokens:
    """Knows whose a token is."""

    def __init__(self, settings: JwtSettings) -> None:
        """Reads the key set. Raises SecurityProblem."""
        try:
            import jwt
        except ImportError as error:
            raise missing_extra("jwt", error) from error
        if settings.jwks is None:
            raise SecurityProblem("auth.jwt.jwks names no file; name the one with the keys of the issuer")
        self._settings = settings
        self._jwt = jwt
        self._jwks = settings.jwks
        self._keys = Watched(FILE, [self._jwks], self._read)

    def find(self, token: str) -> Principal:
        """The subject of a token. Raises InvalidToken."""
        jwt, settings = self._jwt, self._settings
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                self._key(header),
                algorithms=[str(header["alg"])],
                issuer=settings.issuer,
                audience=settings.audience,
                leeway=settings.leeway,
                options={"require": REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(f"the token does not hold: {error}") from error
        return Principal(str(claims["sub"]), self._role(claims), self._services(claims))

    def _key(self, header: Mapping[str, object]) -> "PyJWK":
        algorithm = header.get("alg")
        if algorithm not in ALGORITHMS:
            raise InvalidToken(f"the token is signed with {algorithm!r}; this node takes {', '.join(ALGORITHMS)}")
        keys = self._keys.get()
        key = keys.get(str(header.get("kid", "")))
        if key is None and "kid" not in header and len(keys) == 1:
            key = next(iter(keys.values()))
        if key is None:
            raise InvalidToken("the token names a key (kid) that is not in the key set of this node")
        if key.algorithm_name != algorithm:
            raise InvalidToken(f"the token is signed with {algorithm}, and its key is for {key.algorithm_name}")
        return key

    def _role(self, claims: Mapping[str, object]) -> Role | None:
        """The greatest role of those that are named; names that mean nothing here may mean something elsewhere."""
        named = [ROLES[name] for name in _texts(claims.get(self._settings.roles_claim)) if name in ROLES]
        return max(named, default=None)

    def _services(self, claims: Mapping[str, object]) -> tuple[str, ...]:
        return _texts(claims.get(self._settings.services_claim))

    def _read(self) -> dict[str, "PyJWK"]:
        path = self._jwks
        try:
            found = self._jwt.PyJWKSet.from_dict(json.loads(read_file(FILE, path)))
        except (ValueError, AttributeError, self._jwt.PyJWTError) as error:
            raise SecurityProblem(f"{path} ({FILE}) is no JSON Web Key Set with a key in it: {error}") from error
        keys = {key.key_id or "": key for key in found.keys if key.algorithm_name in ALGORITHMS}
        if not keys:
            raise SecurityProblem(f"{path} ({FILE}) has no key for {', '.join(ALGORITHMS)}")
        return keys


def _texts(claim: object) -> tuple[str, ...]:
    """A claim that is a text with words, or a list of texts."""
    if isinstance(claim, str):
        return tuple(claim.split())
    return tuple(each for each in claim if isinstance(each, str)) if isinstance(claim, list) else ()
