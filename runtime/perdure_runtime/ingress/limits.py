"""What one caller may take of the ingress."""

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds.

    ``message_bytes`` bounds one request, also after decompression. ``buffered_bytes`` bounds all requests of all
    connections that have not arrived in full: many large ones at once must not use up the memory of the node.
    """

    message_bytes: int = 32 * MIB
    buffered_bytes: int = 512 * MIB
    header_bytes: int = 64 * 1024
    concurrent_streams: int = 1_000
    # A kept-alive HTTP/1.1 connection without a request.
    idle_s: float = 75.0
    # A request that has begun and does not go on.
    stalled_s: float = 30.0
    # From the opening of a connection to its first bytes.
    greeting_s: float = 10.0


class Buffered:
    """Bytes of requests that have not arrived in full, over all connections."""

    __slots__ = ("_bytes", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = 0

    def take(self, count: int) -> bool:
        """Counts bytes in; false, and nothing counted, when they are too many."""
        if self._bytes + count > self._most:
            return False
        self._bytes += count
        return True

    def give_back(self, count: int) -> None:
        """Counts bytes out."""
        self._bytes -= count
