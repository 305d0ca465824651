"""Connections to one runtime, as many as the calls under way need."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from google.protobuf.message import DecodeError
from google.rpc import status_pb2
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.encoding.base import CodecBase, StatusDetailsCodecBase

from perdure.errors import UsageError
from perdure.patience import PatientChannel

MIB = 1024 * 1024
AUTHORIZATION = "authorization"
# Every server takes so many calls at once on a connection; more calls get more connections.
CALLS_A_CONNECTION = 100
# A peer whose machine is gone closes nothing: pings find out, as often as calls wait for it.
CONFIGURATION = Configuration(
    _keepalive_time=10.0,
    _keepalive_timeout=10.0,
    _http2_max_pings_without_data=0,
    _http2_min_sent_ping_interval_without_data=5.0,
    http2_connection_window_size=16 * MIB,
    http2_stream_window_size=4 * MIB,
)


class RawCodec(CodecBase):
    """Messages are bytes already."""

    __content_subtype__ = "proto"

    def encode(self, message: bytes, message_type: type[bytes]) -> bytes:
        """The message as it is."""
        return message

    def decode(self, data: bytes, message_type: type[bytes]) -> bytes:
        """The message as it is."""
        return data


class DetailsCodec(StatusDetailsCodecBase):
    """Details of an error: serialised google.protobuf.Any messages."""

    def encode(self, status: Status, message: str | None, details: list[bytes]) -> bytes:
        """Details as servers send them."""
        sent = status_pb2.Status(code=status.value, message=message or "")
        for detail in details:
            sent.details.add().MergeFromString(detail)
        serialised: bytes = sent.SerializeToString()
        return serialised

    def decode(self, status: Status, message: str | None, data: bytes) -> list[bytes]:
        """Details that came; none where they are broken, since the error itself is not."""
        try:
            return [detail.SerializeToString() for detail in status_pb2.Status.FromString(data).details]
        except DecodeError:
            return []


class Connections:
    """Opened when they are needed, and again when they have broken. Of those that no call uses, one is kept."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None = None, token: Callable[[], str] | None = None
    ) -> None:
        self.address = f"{host}:{port}"
        self._tls = tls
        self._token = token
        self._host = host
        self._port = port
        self._lanes: list[_Lane] = []
        self._closed = False

    @asynccontextmanager
    async def one(self) -> AsyncIterator[PatientChannel]:
        """A connection for one call.

        Raises:
            UsageError: They are closed.
        """
        if self._lanes and not self._lanes[0].calls:
            # A server that went away while this loop was busy has said so in a socket that nobody has read yet: one
            # turn to read it, one to act on it.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        lane = self._pick()
        lane.calls += 1
        try:
            yield lane.channel
        finally:
            lane.calls -= 1
            if not lane.calls and self._is_spare(lane):
                self._drop(lane)

    def credentials(self) -> list[tuple[str, str]]:
        """The metadata that says who calls."""
        return [] if self._token is None else [(AUTHORIZATION, f"Bearer {self._token().strip()}")]

    def close(self) -> None:
        """Closes all of them: calls that wait get no answer."""
        self._closed = True
        for lane in list(self._lanes):
            self._drop(lane)

    def _pick(self) -> "_Lane":
        if self._closed:
            raise UsageError(f"the client of {self.address} is closed: make a new one, or call within its `with` block")
        for lane in list(self._lanes):
            if lane.broken:
                self._drop(lane)
            elif lane.calls < CALLS_A_CONNECTION and not lane.channel.leaving:
                return lane
        codec, details = RawCodec(), DetailsCodec()
        channel = PatientChannel(
            self._host, self._port, codec=codec, status_details_codec=details, config=CONFIGURATION, ssl=self._tls
        )
        self._lanes.append(_Lane(channel))
        return self._lanes[-1]

    def _is_spare(self, lane: "_Lane") -> bool:
        """Whether the next call has no need of it."""
        return [other for other in self._lanes if not other.channel.leaving] != [lane]

    def _drop(self, lane: "_Lane") -> None:
        if lane in self._lanes:
            self._lanes.remove(lane)
        lane.channel.close()


class _Lane:
    """One connection, and how many calls it has under way."""

    __slots__ = ("calls", "channel")

    def __init__(self, channel: PatientChannel) -> None:
        self.channel = channel
        self.calls = 0

    @property
    def broken(self) -> bool:
        """Whether it was connected and is no more, or ends."""
        protocol = self.channel._protocol
        return protocol is not None and protocol.connection.is_closing()
