"""One call on a connection: its body as it comes in, the method that answers it, the answer as it goes out."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from grpclib.const import Status
from grpclib.exceptions import StreamTerminatedError
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from perdure_runtime.ingress.grpc import headers
from perdure_runtime.ingress.grpc.framing import MessageReader, cut_short, frame
from perdure_runtime.ingress.grpc.method import Header, Method, Reply, Streaming, Unary
from perdure_runtime.ingress.grpc.wire import DROPPED, STREAM_WINDOW, Body, WireStream
from perdure_runtime.ingress.refusal import Refusal, unexpected

log = logging.getLogger(__name__)

# A stream that its peer has reset, or whose connection broke, while we wrote to it.
PEER_GONE = (StreamTerminatedError, ProtocolError)


class Call(Body):
    """A call from its first header to its last trailer, in one task at most.

    A unary call runs when its message is here; a conversation runs from the start, and reads as it goes.

    Attributes:
        arriving: Whether the caller has more to send.
        streams: Whether it is a conversation.
    """

    def __init__(
        self,
        stream: WireStream,
        path: str,
        method: Method,
        request: Sequence[Header],
        reader: MessageReader,
        timeout_s: float | None,
        on_end: Callable[["Call"], None],
    ) -> None:
        self._stream = stream
        self._path = path
        self._method = method
        self._request = request
        self._reader = reader
        self._timeout_s = timeout_s
        self._on_end = on_end
        self._unread = 0
        self._opened = False
        self._ended = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.arriving = True
        self.streams = isinstance(method, Streaming)
        if isinstance(method, Streaming):
            self._task = asyncio.create_task(self._converse(method))

    @property
    def id(self) -> int:
        """The number of its stream."""
        return self._stream.id

    # The body, as it comes.

    def add(self, data: bytes, ack_size: int) -> None:
        """A piece has come."""
        self._unread += ack_size
        try:
            self._reader.feed(data)
        except Refusal as refusal:
            self.refuse(refusal)
            return
        if self.streams:
            self._news.set()
        else:
            self._grant()

    def eof(self) -> None:
        """The caller has said all."""
        self.arriving = False
        if isinstance(self._method, Unary) and not self._ended:
            self._task = asyncio.create_task(self._answer(self._method))
        else:
            self._news.set()

    def _grant(self) -> None:
        """Gives the caller back the window of what it has sent, once that is worth a frame."""
        if self.arriving and self._unread >= STREAM_WINDOW // 2:
            self._stream.grant(self._unread)
            self._unread = 0

    # Running its method.

    async def _answer(self, method: Unary) -> None:
        try:
            message = self._reader.only()
            reply = await method.answer(message, self._request, self._timeout_s)
            await self._reply(reply)
        except Refusal as refusal:
            self.refuse(refusal)
        except PEER_GONE:
            self.abandon()
        except Exception:
            self.refuse(unexpected(self._path))

    async def _reply(self, reply: Reply) -> None:
        if self._ended or not self._stream.closable:
            self.abandon()
            return
        initial = headers.with_metadata(reply.metadata)
        body = frame(reply.message)
        if not self._stream.answer(initial, body, headers.OK):
            self._opened = True
            await self._stream.open(initial)
            await self._stream.send_data(body)
            self._stream.end(headers.OK)
        self._end()

    async def _converse(self, method: Streaming) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await method.converse(self)
        except Refusal as refusal:
            self.refuse(refusal)
        except TimeoutError:
            self.refuse(Refusal(Status.DEADLINE_EXCEEDED, "the deadline of the call has passed"))
        except PEER_GONE:
            self.abandon()
        except Exception:
            self.refuse(unexpected(self._path))
        else:
            self._close(headers.OK)

    async def receive(self) -> bytes | None:
        """The next message of a conversation, or None when the caller has sent its last. Raises Refusal."""
        while (message := self._reader.next()) is None:
            if not self.arriving:
                if self._reader.held:
                    raise cut_short()
                return None
            # A message larger than the window comes only as its parts are granted.
            self._grant()
            self._news.clear()
            await self._news.wait()
        self._grant()
        return message

    async def send(self, message: bytes) -> None:
        """Sends a message of a conversation, once the caller has room for it."""
        if not self._opened:
            self._opened = True
            await self._stream.open(headers.INITIAL)
        await self._stream.send_data(frame(message))

    # Ending it.

    def refuse(self, refusal: Refusal) -> None:
        """Ends the call with an error."""
        if self._opened:
            self._close(headers.trailers(refusal))
        else:
            metadata = headers.invocation(refusal.invocation_id)
            if metadata:
                self._close(headers.with_metadata(metadata), headers.trailers(refusal))
            else:
                self._close([*headers.INITIAL, headers.ACCEPT_ENCODING, *headers.trailers(refusal)])

    def abandon(self) -> None:
        """Nobody waits for an answer any more."""
        if not self._ended:
            self._end()

    def _close(self, *blocks: Sequence[Header]) -> None:
        if self._ended:
            return
        if self._stream.closable:
            if len(blocks) == 1 and blocks[0] is headers.OK and not self._opened:
                blocks = ([*headers.INITIAL, *headers.OK],)
            self._stream.end(*blocks)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._reader.drop()
        self._stream.buffer = DROPPED
        if self.arriving:
            # After our last word the caller need not send the rest of its body.
            self._stream.stop(ErrorCodes.NO_ERROR)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._on_end(self)
