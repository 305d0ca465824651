"""API keys: ``pk_<id>_<secret>``. The secret has 256 bits, so that one round of SHA-256 keeps it: nobody guesses it."""

import hashlib
import hmac
import re
import secrets
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from perdure.watched import Watched, read_file
from pydantic import ValidationError

from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import ApiKey, Frozen

KEY = re.compile(r"pk_([0-9a-z]{1,32})_([0-9a-f]{64})")
ID_BYTES = 6
SECRET_BYTES = 32
FILE = "file of API keys"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was made: ``text`` is shown once and kept nowhere, ``settings`` go into the configuration."""

    text: str
    settings: ApiKey


def new_key(name: str, role: Role | None = None, services: Sequence[str] = ()) -> NewKey:
    """Makes a key for somebody of this name."""
    id, secret = secrets.token_hex(ID_BYTES), secrets.token_hex(SECRET_BYTES)
    return NewKey(
        f"pk_{id}_{secret}", ApiKey(id=id, hash=hash_of(secret), name=name, role=role, services=tuple(services))
    )


def hash_of(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class _KeysFile(Frozen):
    api_keys: tuple[ApiKey, ...] = ()


def read_keys(path: Path) -> tuple[ApiKey, ...]:
    """The keys in a TOML file of ``[[api_keys]]``. Raises SecurityProblem."""
    try:
        return _KeysFile.model_validate(tomllib.loads(read_file(FILE, path).decode())).api_keys
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, wrong["loc"]))
        raise SecurityProblem(f"{path} ({FILE}): {place}: {wrong['msg']}; perdure keys new writes a good one") from None
    except ValueError as error:
        raise SecurityProblem(f"{path} ({FILE}) is no TOML: {error}") from error


class ApiKeys:
    """Knows who bears which key."""

    def __init__(self, keys: Iterable[ApiKey], file: Path | None = None) -> None:
        """``file`` has more of them, and is read again when it changes. Raises SecurityProblem."""
        self._keys = {key.id: key for key in keys}
        self._file = None if file is None else Watched(FILE, [file], lambda: {key.id: key for key in read_keys(file)})

    def find(self, text: str) -> Principal | None:
        """The bearer of a key; None where there is none with this id and secret."""
        form = KEY.fullmatch(text)
        if form is None:
            return None
        id, secret = form.groups()
        known = self._keys.get(id)
        if known is None and self._file is not None:
            known = self._file.get().get(id)
        # The same work whether the id is known or not: how long it takes tells nothing.
        kept = known.hash if known is not None else "0" * 64
        if not hmac.compare_digest(hash_of(secret), kept) or known is None:
            return None
        return Principal(known.name, known.role, known.services)
