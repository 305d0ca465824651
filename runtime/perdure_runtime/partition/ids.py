"""Invocation ids: they sort by time, and tell the partition key of what they name.

An id is ``inv_`` and 26 characters of Crockford's base 32: 48 bits of milliseconds since the epoch, 16 bits of
partition key, 64 bits of chance. Chance comes in as an argument; the ids of calls made by a handler derive from the
calling command, so that the partition stays deterministic.
"""

from hashlib import blake2b

PREFIX = "inv_"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Two characters at a time halve the divisions of the loop.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def mint(now_ms: int, entropy: int, service: str, key: str) -> str:
    """A new id for a call of ``service`` on ``key`` ("" where it has none); ``entropy`` has 80 bits."""
    partition_key = _digest(f"{service}/{key}", 2) if key else (entropy >> 64) & 0xFFFF
    number = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | partition_key << 64 | entropy & 0xFFFF_FFFF_FFFF_FFFF
    pairs = [""] * 13
    for place in range(12, -1, -1):
        pairs[place] = _PAIRS[number & 1023]
        number >>= 10
    return PREFIX + "".join(pairs)


def child(now_ms: int, parent: str, command: int, service: str, key: str) -> str:
    """The id of the invocation that command number ``command`` of ``parent`` makes."""
    return mint(now_ms, _digest(f"{parent}/{command}", 10), service, key)


def of_awakeable(awakeable_id: str) -> str | None:
    """The id of the invocation that an awakeable belongs to; None where the id is none of an awakeable.

    Endpoints make them: ``awk_``, the invocation's id without its prefix, the command, and chance, parted by ``_``.
    """
    parts = awakeable_id.split("_")
    if len(parts) != 4 or parts[0] != "awk":
        return None
    return PREFIX + parts[1]


def _digest(text: str, size: int) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "big")
