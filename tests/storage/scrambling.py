"""A payload codec for tests, which is no secret to anybody."""

PREFIX = b"\xffscrambled:"


class Scrambling:
    """Turns each byte over, and says in front that it did. What has no such front it refuses, as real codecs do."""

    def encode(self, data: bytes) -> bytes:
        return PREFIX + _turned(data)

    def decode(self, data: bytes) -> bytes:
        if not data.startswith(PREFIX):
            raise LookupError("this was never scrambled")
        return _turned(data[len(PREFIX) :])


def _turned(data: bytes) -> bytes:
    return bytes(byte ^ 0xFF for byte in data)
