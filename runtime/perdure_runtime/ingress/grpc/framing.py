"""gRPC messages in the body of an HTTP/2 stream: five bytes of prefix, then the message."""

from grpclib.const import Status

from perdure_runtime.ingress.compression import crowded, gunzip, too_large
from perdure_runtime.ingress.limits import Buffered
from perdure_runtime.ingress.refusal import Refusal

PREFIX_BYTES = 5


def frame(message: bytes) -> bytes:
    """A message with its prefix, not compressed."""
    return b"\x00" + len(message).to_bytes(4, "big") + message


class MessageReader:
    """Collects the body of one stream and cuts messages from it.

    A message over the limit is refused by its prefix, before its bytes are collected. So is, where the call takes a
    single message, what comes after it.
    """

    __slots__ = ("_buffer", "_buffered", "_gzip", "_most", "_single", "_taken")

    def __init__(self, most: int, buffered: Buffered, gzip: bool, single: bool) -> None:
        self._most = most
        self._buffered = buffered
        self._gzip = gzip
        self._single = single
        self._buffer: bytes | bytearray = b""
        self._taken = 0

    @property
    def held(self) -> int:
        """Bytes that have come and were not read yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Takes a piece of the body, and counts it as held by the node. Raises Refusal."""
        if not self._buffer:
            self._buffer = data
        else:
            self._buffer = self._growing()
            self._buffer += data
        held = len(self._buffer)
        if held >= PREFIX_BYTES:
            self._check(held)
        if not self._buffered.take(held - self._taken):
            raise crowded()
        self._taken = held

    def next(self) -> bytes | None:
        """The next message if it has come in full. Raises Refusal when it is over the limit or cannot be read."""
        buffer = self._buffer
        held = len(buffer)
        if held < PREFIX_BYTES:
            return None
        self._check(held)
        end = PREFIX_BYTES + int.from_bytes(buffer[1:PREFIX_BYTES], "big")
        if held < end:
            return None
        compressed = buffer[0]
        message = bytes(memoryview(buffer)[PREFIX_BYTES:end])
        if held == end:
            self._buffer = b""
        else:
            # Cutting the front off a bytearray copies nothing, however many small messages it holds.
            self._buffer = self._growing()
            del self._buffer[:end]
        self._give_back(held - end)
        if not compressed:
            return message
        if compressed != 1 or not self._gzip:
            raise Refusal(
                Status.INTERNAL, "a message is marked as compressed, but the call has no grpc-encoding that says how"
            )
        return gunzip(message, self._most)

    def only(self) -> bytes:
        """The one message of a body that has ended. Raises Refusal when there is none."""
        message = self.next()
        if message is None:
            raise cut_short() if self._buffer else Refusal(Status.INVALID_ARGUMENT, "the call carries no message")
        return message

    def drop(self) -> None:
        """Forgets what was collected."""
        self._buffer = b""
        self._give_back(0)

    def _check(self, held: int) -> None:
        length = int.from_bytes(self._buffer[1:PREFIX_BYTES], "big")
        if length > self._most:
            raise too_large(self._most)
        if self._single and held > PREFIX_BYTES + length:
            raise Refusal(Status.INVALID_ARGUMENT, "the call carries more than one message; this method takes one")

    def _growing(self) -> bytearray:
        return self._buffer if isinstance(self._buffer, bytearray) else bytearray(self._buffer)

    def _give_back(self, kept: int) -> None:
        if self._taken > kept:
            self._buffered.give_back(self._taken - kept)
            self._taken = kept


def cut_short() -> Refusal:
    """The body ended inside a message."""
    return Refusal(Status.INVALID_ARGUMENT, "the call ended in the middle of its message")
