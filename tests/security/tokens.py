"""An identity provider: keys, the file with their public halves, and the tokens that it gives."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from perdure_runtime.security.settings import JwtSettings

ISSUER, AUDIENCE = "https://id.example", "perdure"


class Provider:
    """Signs with a key of each algorithm."""

    def __init__(self, directory: Path) -> None:
        self.jwks = directory / "jwks.json"
        self.keys: dict[str, Any] = {
            "RS256": rsa.generate_private_key(65_537, 2_048),
            "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        }
        self.publish()

    @property
    def settings(self) -> JwtSettings:
        """How a node trusts it."""
        return JwtSettings(issuer=ISSUER, audience=AUDIENCE, jwks=self.jwks)

    def publish(self) -> None:
        """Writes the file with the public keys."""
        public = {
            "RS256": RSAAlgorithm.to_jwk(self.keys["RS256"].public_key(), as_dict=True),
            "ES256": ECAlgorithm.to_jwk(self.keys["ES256"].public_key(), as_dict=True),
            "EdDSA": OKPAlgorithm.to_jwk(self.keys["EdDSA"].public_key(), as_dict=True),
        }
        keys = [{**key, "kid": algorithm, "alg": algorithm} for algorithm, key in public.items()]
        self.jwks.write_text(json.dumps({"keys": keys}))

    def token(self, algorithm: str = "EdDSA", /, **changed: object) -> str:
        """A token for Ada, which holds for a minute; a claim that is changed to None is left out."""
        claims: Mapping[str, object] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "ada",
            "exp": int(time.time()) + 60,
            "roles": ["operator", "gardener"],
            "services": "shop.v1.* bank.v1.Account",
            **changed,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.keys[algorithm], algorithm, headers={"kid": algorithm})
