"""A payload codec: AES-256 in Galois/Counter Mode, with keys that are changed while the old ones still open."""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# What stands before each ciphertext: the version of this form, and the id of the key in so many bytes.
VERSION = b"\x01"
ID_BYTES = 8
NONCE_BYTES = 12
KEY_BYTES = 32


class Unreadable(Exception):
    """A payload that none of the keys opens, or that was changed. It holds nothing of the payload."""


class AesGcm:
    """Implements ``perdure_runtime.storage.codec.PayloadCodec``."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """Writes with the first of the keys, and reads with all of them, each by its id."""
        self._ciphers = {_id(name): AESGCM(key) for name, key in keys.items()}
        self._newest = _id(next(iter(keys)))

    def encode(self, data: bytes) -> bytes:
        """A payload as it is stored: the same one never looks the same."""
        head = VERSION + self._newest
        # Of 2^32 random nonces two may be the same: change the key before it has written so many payloads.
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + self._ciphers[self._newest].encrypt(nonce, data, head)

    def decode(self, data: bytes) -> bytes:
        """The payload of what was stored. Raises Unreadable."""
        head, rest = data[: 1 + ID_BYTES], data[1 + ID_BYTES :]
        cipher = self._ciphers.get(head[1:])
        if head[:1] != VERSION or cipher is None:
            raise Unreadable("it was written with a key that is not here, or without this codec")
        try:
            return cipher.decrypt(rest[:NONCE_BYTES], rest[NONCE_BYTES:], head)
        except InvalidTag as error:
            raise Unreadable("it was changed since it was written") from error


def read_keys(file: Path) -> dict[str, bytes]:
    """The keys in a file, one a line: an id of at most eight letters, and 32 bytes in base64. Raises ValueError."""
    keys: dict[str, bytes] = {}
    for number, line in enumerate(file.read_text().splitlines(), 1):
        name, _, key = line.partition(" ")
        try:
            keys[name] = base64.b64decode(key, validate=True)
        except binascii.Error:
            keys[name] = b""
        if not 0 < len(name.encode()) <= ID_BYTES or len(keys[name]) != KEY_BYTES:
            raise ValueError(f"line {number} of {file} is no key: write an id, a space, and `openssl rand -base64 32`")
    if not keys:
        raise ValueError(f"{file} has no key")
    return keys


def _id(name: str) -> bytes:
    return name.encode().ljust(ID_BYTES, b"\0")
