"""New keys, and what the configuration must say of them."""

import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from perdure_runtime.cli.printing import note, say
from perdure_runtime.cli.problem import Problem
from perdure_runtime.security.keys import new_key
from perdure_runtime.security.principal import Role
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.signing import new_signing_key


def new_api_key(name: str, role: str | None, services: Sequence[str]) -> None:
    """Prints the key, which nobody can find again, beside the answer, and the lines for the configuration.

    Raises Problem.
    """
    if role is None and not services:
        raise Problem("this key may do nothing: say what it may with --role or --service")
    try:
        key = new_key(name, Role[role.upper()] if role is not None else None, services)
    except ValidationError as error:
        raise Problem(f"there is no such key: {error.errors()[0]['msg']}") from None
    note(f"the key, shown this once: {key.text}")
    note("give it to its bearer, and add these lines to perdure.toml:")
    say("[[auth.api_keys]]")
    kept = key.settings.model_dump(mode="json", exclude_none=True)
    for field, value in kept.items():
        if value not in ("", []):
            # What is written in JSON is TOML too.
            say(f"{field} = {json.dumps(value, ensure_ascii=False)}")


def new_signing_key_file(file: Path) -> None:
    """Writes a private key to a new file that nobody else may read, and prints its public part. Raises Problem."""
    try:
        key = new_signing_key()
        # A key that is there already may be in use: it is not overwritten.
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as written:
            written.write(key.private_pem)
    except SecurityProblem as error:
        raise Problem(str(error)) from error
    except OSError as error:
        raise Problem(f"cannot write {file}: {error.strerror or error}") from error
    note(f"wrote {file}; name it in perdure.toml as key of [signing], and give its public part to your endpoints:")
    say(key.public)
