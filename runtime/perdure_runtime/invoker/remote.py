"""Sessions with an endpoint in another process, over gRPC."""

import asyncio
import logging
import ssl
from collections import deque
from dataclasses import dataclass

from grpclib.client import Channel, Stream
from grpclib.config import Configuration
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError, StreamTerminatedError
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    DiscoverRequest,
    DiscoverResponse,
    EndpointFrames,
    NodeFrame,
    NodeFrames,
)

from perdure_runtime.invoker.transport import EndpointUnreachable, Link, OnFrames
from perdure_runtime.security.signing import Signer

SERVICE = "/perdure.protocol.v1.EndpointService"
PROTOCOL_VERSION = 1
CONNECT_TIMEOUT_S = 5.0
# Metadata of a session: the version of the protocol that this node speaks in it.
VERSION = "perdure-protocol-version"
MIB = 1024 * 1024
# A message carries about so much; a single frame may be larger.
MESSAGE_BYTES = 4 * MIB
# Pings find a peer whose machine is gone; a process that is gone closes its socket.
CONFIGURATION = Configuration(
    _keepalive_time=10.0,
    _keepalive_timeout=10.0,
    _keepalive_permit_without_calls=True,
    _http2_max_pings_without_data=0,
    _http2_min_sent_ping_interval_without_data=5.0,
    http2_connection_window_size=16 * MIB,
    http2_stream_window_size=16 * MIB,
)

log = logging.getLogger(__name__)


def split_address(address: str) -> tuple[str, int]:
    """``host:port`` as its parts. Raises ValueError with a sentence."""
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise ValueError(f"{address!r} is no address; write host:port, such as localhost:9080")
    return host.strip("[]"), int(port)


@dataclass(frozen=True, slots=True)
class Remote:
    """How endpoints are reached: in the clear without ``tls``, unsigned without ``signer``."""

    tls: ssl.SSLContext | None = None
    signer: Signer | None = None

    def channel(self, address: str) -> Channel:
        """A channel that connects on first use."""
        host, port = split_address(address)
        return Channel(host, port, config=CONFIGURATION, ssl=self.tls)

    def metadata(self, address: str, path: str) -> dict[str, str]:
        """What says that a request comes from this node."""
        return {} if self.signer is None else self.signer.metadata(address, path)


PLAIN = Remote()


async def discover(address: str, remote: Remote = PLAIN) -> DiscoverResponse:
    """Asks an endpoint what it serves. Raises EndpointUnreachable."""
    channel, path = remote.channel(address), f"{SERVICE}/Discover"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            stream = channel.request(
                path,
                Cardinality.UNARY_UNARY,
                DiscoverRequest,
                DiscoverResponse,
                metadata=remote.metadata(address, path),
            )
            async with stream:
                await stream.send_message(DiscoverRequest(protocol_version=PROTOCOL_VERSION), end=True)
                answer = await stream.recv_message()
    except Exception as error:
        # What listens there may be anything, and answer anything.
        raise EndpointUnreachable(f"no perdure endpoint answers at {address}: {reason_of(error)}") from error
    finally:
        channel.close()
    if answer is None:
        raise EndpointUnreachable(f"the endpoint at {address} did not say what it serves")
    if answer.protocol_version != PROTOCOL_VERSION:
        raise EndpointUnreachable(
            f"the endpoint at {address} (perdure {answer.sdk_version}) speaks version {answer.protocol_version} of the "
            f"session protocol, this node speaks version {PROTOCOL_VERSION}: update the older of the two"
        )
    return answer


def reason_of(error: BaseException) -> str:
    """Why a call failed, in words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, GRPCError):
        return f"{error.status.name}: {error.message}"
    return str(error) or type(error).__name__


class RemoteTransport:
    """Opens sessions with the endpoint at one address."""

    def __init__(self, address: str, remote: Remote = PLAIN) -> None:
        split_address(address)
        self._address = address
        self._remote = remote

    @property
    def address(self) -> str:
        """``host:port``."""
        return self._address

    async def open(self, on_frames: OnFrames) -> Link:
        """Opens a session. Raises EndpointUnreachable."""
        channel, path = self._remote.channel(self._address), f"{SERVICE}/Session"
        stream: Stream[NodeFrames, EndpointFrames] = channel.request(
            path,
            Cardinality.STREAM_STREAM,
            NodeFrames,
            EndpointFrames,
            metadata={VERSION: str(PROTOCOL_VERSION), **self._remote.metadata(self._address, path)},
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await stream.__aenter__()
                await stream.send_request()
                # The endpoint answers at once with its headers: until then nothing says that it is one.
                await stream.recv_initial_metadata()
        except Exception as error:
            said = await _said(stream, error)
            channel.close()
            raise EndpointUnreachable(reason_of(said)) from error
        except BaseException:
            channel.close()
            raise
        return RemoteLink(channel, stream, on_frames)


async def _said(stream: Stream[NodeFrames, EndpointFrames], error: Exception) -> Exception:
    """What an endpoint has said before it ended a stream: grpclib tells it to who leaves the stream."""
    try:
        await stream.__aexit__(type(error), error, error.__traceback__)
    except GRPCError as refusal:
        return refusal
    return error


class RemoteLink:
    """An open session: frames of one turn of the loop go in one message.

    Frames wait here while the endpoint does not take them, without a bound of their own: they belong to attempts, and
    the partition holds what is in them anyway. What the endpoint sends is read as fast as the partition's loop runs;
    beyond that it waits at the endpoint, held back by HTTP/2.
    """

    def __init__(self, channel: Channel, stream: Stream[NodeFrames, EndpointFrames], on_frames: OnFrames) -> None:
        self._channel = channel
        self._stream = stream
        self._on_frames = on_frames
        self._frames: deque[NodeFrame] = deque()
        self._ready = asyncio.Event()
        self._tasks = [asyncio.create_task(self._write()), asyncio.create_task(self._read())]

    def send(self, frame: NodeFrame) -> None:
        """Queues a frame."""
        self._frames.append(frame)
        self._ready.set()

    async def closed(self) -> str:
        """Waits until reading or writing has failed."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()

    async def close(self) -> None:
        """Drops the connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._channel.close()

    async def _write(self) -> str:
        try:
            while True:
                await self._ready.wait()
                self._ready.clear()
                while self._frames:
                    await self._stream.send_message(NodeFrames(frames=self._take()))
        except Exception as error:
            return self._why(error, "writing to")

    async def _read(self) -> str:
        try:
            while (message := await self._stream.recv_message()) is not None:
                self._on_frames(message.frames)
        except Exception as error:
            return self._why(error, "reading from")
        return "the endpoint ended the session"

    def _take(self) -> list[NodeFrame]:
        batch = [self._frames.popleft()]
        taken = batch[0].ByteSize()
        while self._frames and (taken := taken + self._frames[0].ByteSize()) <= MESSAGE_BYTES:
            batch.append(self._frames.popleft())
        return batch

    def _why(self, error: Exception, doing: str) -> str:
        # Whatever it is, the session is over and a new one begins with attempts that know the whole journal. What is
        # no usual end of a connection is a bug of one of both sides.
        if not isinstance(error, (OSError, GRPCError, StreamTerminatedError)):
            log.error("%s an endpoint failed", doing, exc_info=error)
        return reason_of(error)
