"""Invocation ids: they sort by time, and tell the place of what they name.

An id is ``inv_`` and 26 characters of Crockford's base 32: 48 bits of milliseconds since the epoch, 16 bits of
place, 64 bits of chance. Chance comes in as an argument; the ids of calls made by a handler derive from the
calling command, so that the partition stays deterministic.
"""

from hashlib import blake2b

from perdure_runtime.partition.rows import IdempotencyKey

PREFIX = "inv_"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_DIGITS = {character: value for value, character in enumerate(_ALPHABET)}
# Two characters at a time halve the divisions of the loop.
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]


def mint(now_ms: int, entropy: int, place: int) -> str:
    """A new id at a place; ``entropy`` has 64 bits."""
    number = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | place << 64 | entropy & 0xFFFF_FFFF_FFFF_FFFF
    pairs = [""] * 13
    for index in range(12, -1, -1):
        pairs[index] = _PAIRS[number & 1023]
        number >>= 10
    return PREFIX + "".join(pairs)


def child(now_ms: int, parent: str, command: int, place: int) -> str:
    """The id of the invocation that command number ``command`` of ``parent`` makes."""
    return mint(now_ms, _digest(f"{parent}/{command}", 8), place)


def place_of(invocation_id: str) -> int:
    """The place that stands in an id; 0 where this is none."""
    digits = 0
    for character in invocation_id[14:18]:
        digits = digits << 5 | _DIGITS.get(character, 0)
    # Four digits are 20 bits, the lowest four of which are chance already.
    return digits >> 4


def place_of_key(service: str, key: str) -> int:
    """The place of all that belongs to a key."""
    return _digest(f"{service}/{key}", 2)


def place_of_name(name: IdempotencyKey) -> int:
    """The place of an invocation that an idempotency key names."""
    target = name.target
    if target.key:
        return place_of_key(target.service, target.key)
    return _digest(f"{target.service}/{target.handler}/{name.key}", 2)


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
