"""One call on a connection: its body as it comes in, the method that answers it, the answer as it goes out."""

import asyncio
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
from perdure_runtime.security.principal import ANYBODY, CALLER, Principal

# A stream that its peer has reset, or whose connection broke, while we wrote to it.
PEER_GONE = (StreamTerminatedError, ProtocolError)


class Call(Body):
    """A call from its first header to its last trailer, in one task at most.

    A unary call runs when its message is here; a conversation runs from the start, and reads as it goes.

    Attributes:
        code: How it was answered, once it was; a caller that has gone before that has cancelled it.
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
        caller: Principal = ANYBODY,
    ) -> None:
        self._stream = stream
        self._path = path
        self._method = method
        self._request = request
        self._reader = reader
        self._timeout_s = timeout_s
        self._on_end = on_end
        self._caller = caller
        self.code = Status.CANCELLED
        self._loop = asyncio.get_running_loop()
        self._begun_at = self._busy_at = self._loop.time()
        self._unread = 0
        self._sent = 0
        self._arriving = True
        self._opened = False
        self._sending = False
        self._ended = False
        self._task: asyncio.Task[None] | None = None
        # Whether the next part is the caller's: to go on with its message, or to take ours.
        self._awaited = isinstance(method, Unary)
        if isinstance(method, Streaming):
            self._news = asyncio.Event()
            self._task = asyncio.create_task(self._converse(method))

    @property
    def id(self) -> int:
        """The number of its stream."""
        return self._stream.id

    # The body, as it comes.

    def add(self, data: bytes, ack_size: int) -> None:
        """A piece has come."""
        self._unread += ack_size
        self._busy_at = self._loop.time()
        try:
            self._reader.feed(data)
        except Refusal as refusal:
            self.refuse(refusal)
            return
        if isinstance(self._method, Streaming):
            self._news.set()
        else:
            self._grant()

    def eof(self) -> None:
        """The caller has said all."""
        self._arriving = False
        if isinstance(self._method, Streaming):
            self._news.set()
        elif not self._ended:
            self._awaited = False
            self._task = asyncio.create_task(self._answer(self._method))

    def _grant(self) -> None:
        """Gives the caller back the window of what it has sent, once that is worth a frame."""
        if self._arriving and self._unread >= STREAM_WINDOW // 2:
            self._stream.grant(self._unread)
            self._unread = 0

    # Running its method.

    async def _answer(self, method: Unary) -> None:
        CALLER.set(self._caller)
        try:
            message = self._reader.only()
            timeout_s = self._timeout_s
            if timeout_s is not None:
                timeout_s -= self._loop.time() - self._begun_at
            reply = await method.answer(message, self._request, timeout_s)
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
            await self._send(initial, body)
            self._stream.finish(headers.OK)
        self.code = Status.OK
        self._end()

    async def _converse(self, method: Streaming) -> None:
        CALLER.set(self._caller)
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
            self.code = Status.OK
            self._close(headers.OK if self._opened else [*headers.INITIAL, *headers.OK])

    async def receive(self) -> bytes | None:
        """The next message of a conversation, or None when the caller has sent its last. Raises Refusal."""
        while (message := self._reader.next()) is None:
            if not self._arriving:
                if self._reader.held:
                    raise cut_short()
                return None
            # Between messages the caller may take its time, inside one it may not.
            self._awaited = self._reader.held > 0
            # A message larger than the window comes only as its parts are granted.
            self._grant()
            self._news.clear()
            await self._news.wait()
        self._awaited = False
        self._grant()
        return message

    async def send(self, message: bytes) -> None:
        """Sends a message of a conversation, once the caller has room for it."""
        await self._send(headers.INITIAL, frame(message))

    async def _send(self, initial: Sequence[Header], body: bytes) -> None:
        """Sends a message in parts, as there is room. Cancelled inside it, leaves ``_sending`` set."""
        self._awaited = True
        self._busy_at = self._loop.time()
        if not self._opened:
            await self._stream.open(initial)
            self._opened = True
        self._sending = True
        await self._stream.send_data(body)
        self._sending = self._awaited = False

    # Ending it.

    def refuse(self, refusal: Refusal) -> None:
        """Ends the call with an error."""
        if not self._ended:
            self.code = refusal.code
        if self._sending:
            # Trailers inside a message would be read as its end.
            self._stream.stop(ErrorCodes.CANCEL)
            self.abandon()
        elif self._opened:
            self._close(headers.trailers(refusal))
        else:
            self._close(*headers.refused(refusal))

    def check_stalled(self, now: float, stalled_s: float) -> None:
        """Ends the call if its caller has not done its part for so long."""
        if self._stream.data_sent > self._sent:
            self._sent = self._stream.data_sent
            self._busy_at = now
        if self._awaited and now - self._busy_at >= stalled_s:
            sentence = f"the caller neither went on with its message nor took the answer for {stalled_s:g} s"
            self.refuse(Refusal(Status.DEADLINE_EXCEEDED, sentence))

    def drain(self) -> None:
        """The node stops. A conversation can last for as long as its caller likes: nobody should wait for that."""
        if not isinstance(self._method, Streaming):
            return
        last_words = self._method.last_words
        if last_words is not None and self._opened and not self._sending:
            self._stream.say(frame(last_words))
        self.refuse(Refusal(Status.UNAVAILABLE, "the node stops; ask another one, or this one when it is back"))

    def abandon(self) -> None:
        """Nobody waits for an answer any more."""
        if not self._ended:
            self._end()

    def _close(self, *blocks: Sequence[Header]) -> None:
        if self._ended:
            return
        self._stream.finish(*blocks)
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._reader.drop()
        self._stream.buffer = DROPPED
        if self._arriving:
            # After our last word the caller need not send the rest of its body.
            self._stream.stop(ErrorCodes.NO_ERROR)
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._on_end(self)
