"""Ids of awakeables: they say where the awakeable is, and are hard to guess."""

import base64
import secrets


def new_token() -> str:
    """128 bits of chance, in letters and digits."""
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=")


def new_id(invocation_id: str, command: int) -> str:
    """An id for the awakeable that is command number ``command`` of an invocation."""
    return f"awk_{invocation_id.removeprefix('inv_')}_{command}_{new_token()}"
