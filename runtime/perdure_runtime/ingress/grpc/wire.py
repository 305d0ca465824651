"""grpclib's HTTP/2 layer, hardened: the one place that reaches into its private attributes.

grpclib is pinned exactly. What is changed, and why:

- our own settings go out with the preface: more than 100 concurrent streams, a bound on headers, larger windows;
- received bytes give the connection its window back as they come, so a body that nobody reads starves no other call;
  what one stream may send ahead stays bounded by the window of that stream;
- an answer that fits the window is one write, together with the others of the same turn of the loop;
- a frame over the limit is refused by its length, before its bytes are collected;
- frames that HTTP/2 lets peers invent are passed over, where grpclib raises.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

from grpclib.config import Configuration
from grpclib.protocol import AbstractHandler, Buffer, Connection, EventsProcessor, H2Protocol, Stream
from grpclib.utils import Wrapper
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.errors import ErrorCodes
from h2.events import DataReceived, Event
from h2.exceptions import FrameTooLargeError, ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import GoAwayFrame

from perdure_runtime.ingress.grpc.method import Header
from perdure_runtime.ingress.limits import Limits

log = logging.getLogger(__name__)

# What a caller may send before it hears from us, on one stream and on all.
STREAM_WINDOW = 1024 * 1024
CONNECTION_WINDOW = 16 * 1024 * 1024
FIRST_CONNECTION_WINDOW = 65_535

# What is collected for one write.
MOST_QUEUED = 64 * 1024

# A frame begins with its length.
LENGTH_BYTES = 3

# A header block over the limit is refused as a call; one this many times larger ends the connection unread.
HEADER_SLACK = 4

# Header values are bytes to us and are checked where they are read; ours are right by construction.
H2_CONFIGURATION = H2Configuration(
    client_side=False,
    header_encoding=None,
    validate_inbound_headers=False,
    normalize_inbound_headers=False,
    validate_outbound_headers=False,
    normalize_outbound_headers=False,
)
# Pings a peer that has been silent for two hours during a call, as gRPC servers do.
CONFIGURATION = Configuration().__for_server__()


class Body(Buffer):
    """Where the body of a stream goes; this one drops it. The connection has its window back already."""

    def __init__(self) -> None:
        # Not the queue of grpclib: it takes an empty DATA frame for the end, and fails on a body that ends early.
        pass

    def add(self, data: bytes, ack_size: int) -> None:
        """A piece has come. ``ack_size`` is what it took of the windows."""

    def eof(self) -> None:
        """The last piece has come."""

    def unacked_size(self) -> int:
        """What is left to give back of the connection's window: nothing."""
        return 0


DROPPED = Body()


class WireStream(Stream):
    """A stream of grpclib that can also be answered without waiting."""

    id: int
    connection: "WireConnection"

    def init_stream(self, stream_id: int, connection: Connection) -> None:
        """Starts with a body that goes nowhere: the call that takes the stream sets ``buffer``."""
        self.id = stream_id
        self.buffer = DROPPED

    def answer(self, initial: Sequence[Header], body: bytes, trailers: Sequence[Header]) -> bool:
        """Sends a whole answer if there is room for all of it now; false, and nothing is sent, if not."""
        # _h2_connection is private to streams, and the only way to send parts that are not flushed one by one.
        h2 = self._h2_connection
        if not self.connection.write_ready.is_set() or len(body) > h2.local_flow_control_window(self.id):
            return False
        h2.send_headers(self.id, initial)
        most = h2.max_outbound_frame_size
        if len(body) <= most:
            h2.send_data(self.id, body)
        else:
            for start in range(0, len(body), most):
                h2.send_data(self.id, body[start : start + most])
        h2.send_headers(self.id, trailers, end_stream=True)
        self.connection.queue(len(body))
        return True

    def say(self, body: bytes) -> bool:
        """Sends a message of an answer that has begun, if there is room for all of it now; else sends nothing."""
        h2 = self._h2_connection
        if not self.closable or not self.connection.write_ready.is_set():
            return False
        if len(body) > min(h2.local_flow_control_window(self.id), h2.max_outbound_frame_size):
            return False
        h2.send_data(self.id, body)
        self.connection.queue(len(body))
        return True

    async def open(self, initial: Sequence[Header]) -> None:
        """Begins an answer that goes out in parts."""
        # Header names and values are str by grpclib's types, and passed on to h2 as they are.
        await self.send_headers(cast(list[tuple[str, str]], initial))

    def finish(self, *blocks: Sequence[Header]) -> None:
        """Sends header blocks, the last of which ends the stream. Needs no window, so waits for nothing."""
        # h2 is ahead of the events that we act on: the caller may have reset the stream already.
        if not self.closable:
            return
        for block in blocks[:-1]:
            self._h2_connection.send_headers(self.id, block)
        self._h2_connection.send_headers(self.id, blocks[-1], end_stream=True)
        self.connection.flush_soon()

    def stop(self, code: ErrorCodes) -> None:
        """Resets the stream: what the caller still sends is dropped by h2, and its window given back."""
        if self.closable:
            self._h2_connection.reset_stream(self.id, code)
            self.connection.flush_soon()

    def grant(self, size: int) -> None:
        """Gives a caller back the window of what was read of this stream."""
        if self.closable:
            self._h2_connection.increment_flow_control_window(size, self.id)
            self.connection.flush_soon()


class WireConnection(Connection):
    """A connection of grpclib that collects what is written in one turn of the loop."""

    def __init__(self, h2: H2Connection, transport: asyncio.Transport) -> None:
        super().__init__(h2, transport, config=CONFIGURATION)
        self._loop = asyncio.get_running_loop()
        self._flushing = False
        self._queued = 0
        self._unacknowledged = 0

    def create_stream(self, *, stream_id: int | None = None, wrapper: Wrapper | None = None) -> WireStream:
        """Streams are ours."""
        return WireStream(self, self._connection, self._transport, stream_id=stream_id, wrapper=wrapper)

    def ack(self, stream_id: int, size: int) -> None:
        """Bytes have come, on whichever stream, and the connection may have as many more."""
        self._unacknowledged += size
        if self._unacknowledged >= CONNECTION_WINDOW // 2 and not self._is_over():
            self._connection.increment_flow_control_window(self._unacknowledged)
            self._unacknowledged = 0

    def check_frame(self) -> None:
        """Looks at the frame that has begun to come. Raises ProtocolError where it is over the limit.

        h2 checks frames when they are complete: it would collect 16 MiB first.
        """
        # incoming_buffer has no public view of what it holds: here it begins with the length of an incomplete frame.
        begun = self._connection.incoming_buffer._data
        if len(begun) < LENGTH_BYTES:
            return
        length = int.from_bytes(begun[:LENGTH_BYTES], "big")
        if length > self._connection.max_inbound_frame_size:
            self._connection.close_connection(ErrorCodes.FRAME_SIZE_ERROR)
            raise FrameTooLargeError(f"a frame of {length} bytes")

    def queue(self, size: int) -> None:
        """A message lies in h2, to be written with others of this turn: as long as they are not too many."""
        self._queued += size
        if self._queued >= MOST_QUEUED:
            # Tells whether the peer reads, so that further answers wait for that.
            self.flush()
        else:
            self.flush_soon()

    def flush(self) -> None:
        """Writes what is due."""
        self._flushing = False
        self._queued = 0
        if not self.is_closing():
            super().flush()

    def flush_soon(self) -> None:
        """Writes at the end of this turn of the loop, with what else it gives."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self.flush)

    def _is_over(self) -> bool:
        """Whether the peer has said goodbye: h2 sends nothing then, though the events of before are yet to come."""
        return self._connection.state_machine.state is ConnectionState.CLOSED

    def say_goodbye(self) -> None:
        """Tells the peer to open no more streams; those that are open go on."""
        self.flush()
        # h2 says goodbye only by ending the connection at once; the frame alone leaves it usable.
        last = self._connection.highest_inbound_stream_id
        self._transport.write(GoAwayFrame(last_stream_id=last).serialize())


class WireEvents(EventsProcessor):
    """What h2 has read, to our handler."""

    connection: WireConnection

    def process_data_received(self, event: DataReceived) -> None:
        """A piece of a body: the connection has its window back at once, the stream when its call says so."""
        size = event.flow_controlled_length or 0
        self.connection.ack(event.stream_id or 0, size)
        stream = self.streams.get(event.stream_id or 0)
        if stream is not None:
            stream.buffer.add(event.data or b"", size)

    def process(self, event: Event) -> None:
        """Acts on an event. Those of frames that HTTP/2 does not define are passed over."""
        # The attribute goes when the connection is closed, also by an event before this one.
        if hasattr(self, "processors") and type(event) in self.processors:
            super().process(event)


class Wire(H2Protocol):
    """grpclib's protocol with our settings."""

    connection: WireConnection

    def __init__(self, handler: AbstractHandler, limits: Limits) -> None:
        super().__init__(handler, CONFIGURATION, H2_CONFIGURATION)
        self._limits = limits

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets the peer. Instead of grpclib's, whose settings come too late to bind before they are acknowledged."""
        h2 = H2Connection(H2_CONFIGURATION)
        h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: self._limits.concurrent_streams,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: self._limits.header_bytes,
                SettingCodes.ENABLE_PUSH: 0,
            },
        )
        h2.decoder.max_header_list_size = HEADER_SLACK * self._limits.header_bytes
        h2.initiate_connection()
        h2.increment_flow_control_window(CONNECTION_WINDOW - FIRST_CONNECTION_WINDOW)
        self.connection = WireConnection(h2, cast(asyncio.Transport, transport))
        self.connection.flush()
        self.connection.initialize()
        self.processor = WireEvents(self.handler, self.connection)

    def data_received(self, data: bytes) -> None:
        """Acts on what has come, and answers what can be answered at once in one write."""
        if self.connection.is_closing():
            return
        try:
            events = self.connection.feed(data)
            self.connection.check_frame()
        except ProtocolError as error:
            log.info("a caller broke HTTP/2, its connection is closed: %s", error)
            # Word for the peer is left in h2.
            self.connection.flush()
            self.processor.close("the peer broke HTTP/2")
            return
        for event in events:
            self.processor.process(event)
        self.connection.flush()
