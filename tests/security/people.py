"""Whom the guard of a test knows, and what they show."""

from dataclasses import dataclass
from pathlib import Path

from perdure_runtime.security.guard import COOKIE, Guard
from perdure_runtime.security.keys import NewKey, new_key
from perdure_runtime.security.principal import Role
from perdure_runtime.security.settings import AuthSettings

from tests.security.tokens import Provider

ADMIN = new_key("ada", Role.ADMIN, ["*"])
OPERATOR = new_key("oscar", Role.OPERATOR)
VIEWER = new_key("vera", Role.VIEWER)
# May call one service, and ask operators nothing.
CALLER = new_key("carl", None, ["shop.v1.Orders"])
STRANGER = new_key("stranger", Role.ADMIN, ["*"])
KNOWN = (ADMIN, OPERATOR, VIEWER, CALLER)


@dataclass(frozen=True)
class Shown:
    """Credentials, as headers, by what is wrong with them."""

    name: str
    headers: dict[str, str]


def bearer(key: NewKey | str) -> dict[str, str]:
    """How a key or a token is shown."""
    return {"authorization": f"Bearer {key if isinstance(key, str) else key.text}"}


def guard(provider: Provider) -> Guard:
    """Knows these people by their keys, and whom the provider knows."""
    made = Guard.of(AuthSettings(api_keys=tuple(key.settings for key in KNOWN), jwt=provider.settings))
    assert made is not None
    return made


def refused(directory: Path) -> tuple[Provider, list[Shown]]:
    """A provider, and everything that says nothing about who asks."""
    provider = Provider(directory)
    return provider, [
        Shown("nothing", {}),
        Shown("a key that is not known", bearer(STRANGER)),
        Shown("a key that is not known, by itself", {"x-api-key": STRANGER.text}),
        Shown("a key that is not known, in a cookie", {"cookie": f"{COOKIE}={STRANGER.text}"}),
        Shown("a known id with another secret", bearer(f"{ADMIN.text.rpartition('_')[0]}_{'0' * 64}")),
        Shown("an empty key", bearer("")),
        Shown("another scheme", {"authorization": f"Basic {ADMIN.text}"}),
        Shown("an expired token", bearer(provider.token("EdDSA", exp=1))),
        Shown("a token for somebody else", bearer(provider.token("EdDSA", aud="another"))),
        Shown("no token", bearer("sesame")),
        Shown("a cookie that is none", {"cookie": "perdure_session; ;;="}),
    ]
