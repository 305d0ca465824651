"""Tokens of an identity provider."""

import json
import time
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import JwtSettings
from perdure_runtime.security.tokens import InvalidToken, Tokens

from tests.security.tokens import AUDIENCE, ISSUER, Provider


@pytest.fixture
def provider(tmp_path: Path) -> Provider:
    """Whose tokens are taken."""
    return Provider(tmp_path)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_token_says_who_asks_and_what_they_may(provider: Provider, algorithm: str) -> None:
    found = Tokens(provider.settings).find(provider.token(algorithm))
    assert found == Principal("ada", Role.OPERATOR, ("shop.v1.*", "bank.v1.Account"))


def test_the_greatest_role_counts(provider: Provider) -> None:
    found = Tokens(provider.settings).find(provider.token(roles=["viewer", "admin", "operator"]))
    assert found.role is Role.ADMIN


def test_a_token_that_names_nothing_may_nothing(provider: Provider) -> None:
    assert Tokens(provider.settings).find(provider.token(roles=None, services=None)) == Principal("ada")


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"nbf": int(time.time()) + 86_400}, "not yet valid"),
        ({"aud": "another"}, "Audience"),
        ({"iss": "https://another.example"}, "[Ii]ssuer"),
        ({"exp": None}, "exp"),
        ({"aud": None}, "aud"),
        ({"sub": None}, "sub"),
    ],
)
def test_a_token_that_does_not_hold_is_refused(provider: Provider, claims: dict[str, object], says: str) -> None:
    with pytest.raises(InvalidToken, match=says):
        Tokens(provider.settings).find(provider.token("EdDSA", **claims))


def test_clocks_may_differ_a_little(provider: Provider) -> None:
    token = provider.token(exp=int(time.time()) - 2, nbf=int(time.time()) + 2)
    assert Tokens(provider.settings).find(token).name == "ada"


def test_a_token_of_another_key_is_refused(provider: Provider) -> None:
    tokens = Tokens(provider.settings)
    provider.keys["EdDSA"] = Ed25519PrivateKey.generate()
    with pytest.raises(InvalidToken, match="Signature verification failed"):
        tokens.find(provider.token())


def test_a_token_whose_algorithm_is_another_than_its_keys_is_refused(provider: Provider) -> None:
    token = jwt.encode({"sub": "ada"}, provider.keys["RS256"], "RS256", headers={"kid": "EdDSA"})
    with pytest.raises(InvalidToken, match="signed with RS256, and its key is for EdDSA"):
        Tokens(provider.settings).find(token)


@pytest.mark.parametrize(("key", "algorithm"), [("x" * 32, "HS256"), ("", "none")])
def test_a_token_that_anybody_can_make_is_refused(provider: Provider, key: str, algorithm: str) -> None:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 60}
    token = jwt.encode(claims, key, algorithm, headers={"kid": "EdDSA"})
    with pytest.raises(InvalidToken, match="this node takes RS256, ES256, EdDSA"):
        Tokens(provider.settings).find(token)


def test_what_is_no_token_is_refused_without_being_shown(provider: Provider) -> None:
    with pytest.raises(InvalidToken) as refused:
        Tokens(provider.settings).find("sesame.open.now")
    assert "sesame" not in str(refused.value)


def test_new_keys_of_the_provider_are_taken_without_a_restart(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perdure.watched.LOOK_EVERY_S", 0)
    tokens = Tokens(provider.settings)
    provider.keys["EdDSA"] = Ed25519PrivateKey.generate()
    provider.publish()
    assert tokens.find(provider.token()).name == "ada"


def test_a_key_set_without_a_key_is_refused(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    for content in ("{}", "nothing", json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256"}]})):
        jwks.write_text(content)
        with pytest.raises(SecurityProblem, match=r"jwks\.json \(key set of tokens\)"):
            Tokens(JwtSettings(issuer=ISSUER, audience=AUDIENCE, jwks=jwks))
