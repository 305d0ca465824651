"""The guard: finds out who asks, by what a request shows, and whether they may.

It is one for the ingress and the admin API. What it says never holds what it was shown.
"""

import logging
from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie

from perdure_runtime.security.keys import ApiKeys
from perdure_runtime.security.peer import Peer
from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.settings import AuthSettings, CertificateName
from perdure_runtime.security.tokens import InvalidToken, Tokens

# The session of the web UI: the API key or token that somebody logged in with.
COOKIE = "perdure_session"
API_KEY = b"x-api-key"
AUTHORIZATION = b"authorization"
BEARER = b"bearer "
KEY_PREFIX = "pk_"
# Somebody of whom nothing is known: for what is open to all.
NOBODY_THERE = Peer()
HOW = "send `authorization: Bearer` with a token or an API key, or `x-api-key`"

log = logging.getLogger(__name__)


class Unauthenticated(Exception):
    """Nobody knows who asks; the message says what to send."""


class Forbidden(Exception):
    """Who asks is known, and may not; the message says what is missing."""


class Guard:
    """Knows people and programs by their API keys, tokens and client certificates."""

    def __init__(self, keys: ApiKeys, tokens: Tokens | None, certificates: Sequence[CertificateName]) -> None:
        self._keys = keys
        self._tokens = tokens
        self._certificates = {each.name: Principal(each.name, each.role, each.services) for each in certificates}

    @classmethod
    def of(cls, settings: AuthSettings) -> "Guard | None":
        """The guard that the settings describe; None where nobody is asked. Raises SecurityProblem."""
        if not settings.is_on:
            return None
        tokens = Tokens(settings.jwt) if settings.jwt.is_on else None
        return cls(ApiKeys(settings.api_keys, settings.api_keys_file), tokens, settings.certificates)

    def authenticate(
        self, headers: Sequence[tuple[bytes, bytes]], peer: Peer = NOBODY_THERE, *, by_cookie: bool = False
    ) -> Principal:
        """Who asks, by lower-case names of headers; ``by_cookie`` is for pages. Raises Unauthenticated."""
        try:
            shown = _shown(headers, by_cookie=by_cookie)
            if shown is None:
                return self._by_certificate(peer)
            return self._by_secret(shown)
        except Unauthenticated as error:
            log.info("somebody at %s was refused: %s", peer.address or "an unknown address", error)
            raise

    def _by_secret(self, shown: str) -> Principal:
        """The bearer of an API key or a token."""
        if shown.startswith(KEY_PREFIX):
            found = self._keys.find(shown)
            if found is None:
                raise Unauthenticated("this API key is none that the node knows; it may have been removed: ask for one")
            return found
        if self._tokens is None:
            raise Unauthenticated("what was sent is no API key (pk_…), and this node takes no tokens")
        try:
            return self._tokens.find(shown)
        except InvalidToken as error:
            raise Unauthenticated(f"{error}; get a new one") from error

    def _by_certificate(self, peer: Peer) -> Principal:
        for name in peer.names:
            if name in self._certificates:
                return self._certificates[name]
        if peer.names and self._certificates:
            raise Unauthenticated(f"nobody is known by a certificate for {peer.names[0][:100]!r}; {HOW}")
        raise Unauthenticated(f"this node wants to know who asks; {HOW}")


def authorise_call(principal: Principal, service: str) -> None:
    """Raises Forbidden where somebody may not call a service."""
    if not principal.may_call(service):
        patterns = ", ".join(principal.services) or "none"
        raise Forbidden(f"{principal.name} may not call {service}; it may call services like: {patterns}")


def authorise_admin(principal: Principal, rpc: str, least: Role) -> None:
    """Raises Forbidden where somebody may not ask an rpc of the admin API, which takes at least a role."""
    if not principal.may(least):
        role = "no role" if principal.role is None else f"the role {principal.role.name.lower()}"
        raise Forbidden(f"{principal.name} has {role}; {rpc} takes at least {least.name.lower()}")


def _shown(headers: Sequence[tuple[bytes, bytes]], *, by_cookie: bool) -> str | None:
    """The one credential in the headers; None where there is none. Raises Unauthenticated."""
    cookies = []
    for name, value in headers:
        if name == AUTHORIZATION:
            if not value.lower().startswith(BEARER):
                raise Unauthenticated(f"the authorization is no Bearer; {HOW}")
            return value[len(BEARER) :].strip().decode("latin-1")
        if name == API_KEY:
            return value.strip().decode("latin-1")
        if by_cookie and name == b"cookie":
            cookies.append(value.decode("latin-1"))
    return _session("; ".join(cookies)) if cookies else None


def _session(cookies: str) -> str | None:
    try:
        session = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        # Broken by another application of this host: they are not ours to judge.
        return None
    return session.value if session is not None and session.value else None
