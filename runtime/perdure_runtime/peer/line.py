"""The stream to one peer: opened on first use, and again after it broke. Requests share it, and answers find them."""

import asyncio
import itertools
import logging
import ssl
from dataclasses import dataclass

from grpclib.client import Stream
from grpclib.const import Cardinality
from grpclib.exceptions import GRPCError, StreamTerminatedError
from perdure_protos.perdure.peer.v1.peer_pb2 import Request, Requests, Response, Responses, Withdraw

from perdure_runtime.invoker.remote import split_address
from perdure_runtime.peer.channel import CONFIGURATION, PeerChannel
from perdure_runtime.peer.outbox import Outbox
from perdure_runtime.peer.port import PeerUnreachable
from perdure_runtime.peer.server import EXCHANGE

CONNECT_TIMEOUT_S = 2.0
# After a stream broke, or could not be opened, nobody tries again for so long: longer each time it cannot be opened.
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Question:
    """Somebody waits for an answer; once the request was ``sent``, the peer may have acted on it."""

    answer: "asyncio.Future[Response]"
    sent: bool = False


class Line:
    """One a peer. Requests wait here while the peer does not take them: each belongs to somebody who waits for it."""

    def __init__(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        self._address = address
        self._tls = tls
        self._host, self._port = split_address(address)
        self._numbers = itertools.count(1)
        self._questions: dict[int, _Question] = {}
        self._requests: Outbox[Request] = Outbox()
        self._running: asyncio.Task[None] | None = None
        self._failures = 0
        self._not_before_s = 0.0
        self._why = ""
        self._closed = False

    async def ask(self, request: Request) -> Response:
        """Sends a request and waits for its answer; cancelled, it withdraws it. Raises PeerUnreachable."""
        if not self._is_up():
            raise PeerUnreachable(self._address, self._why, sent=False)
        request.id = next(self._numbers)
        question = _Question(asyncio.get_running_loop().create_future())
        self._questions[request.id] = question
        self._requests.put(request)
        try:
            return await question.answer
        except asyncio.CancelledError:
            if question.sent:
                self.tell(Request(withdraw=Withdraw(request_id=request.id)))
            raise
        finally:
            self._questions.pop(request.id, None)

    def tell(self, request: Request) -> None:
        """Sends what has no answer, and comes again where it is lost: nothing is promised."""
        if self._is_up() and not self._requests.is_full:
            self._requests.put(request)

    def close(self) -> None:
        """Drops the stream, for good; whoever waits for an answer is told."""
        self._closed = True
        self._why = "the link to it was closed"
        if self._running is not None:
            self._running.cancel()
        self._fail(self._why)

    @property
    def is_running(self) -> bool:
        """Whether a connection is there, or being opened or closed."""
        return self._running is not None

    async def closed(self) -> None:
        """Waits until nothing of it runs any more."""
        if self._running is not None:
            await asyncio.wait([self._running])

    def _is_up(self) -> bool:
        """Whether there is a stream, or one that is being opened: here, if it may be."""
        if self._closed:
            return False
        if self._running is None:
            if asyncio.get_running_loop().time() < self._not_before_s:
                return False
            self._running = asyncio.create_task(self._run(), name=f"stream to the peer at {self._address}")
        return True

    async def _run(self) -> None:
        channel = PeerChannel(self._host, self._port, config=CONFIGURATION, ssl=self._tls)
        try:
            stream = await self._open(channel)
            self._failures = 0
            self._why = await self._exchange(stream)
        except Exception as error:
            self._failures += 1
            self._why = _reason(error)
        finally:
            channel.close()
            self._running = None
            pause_s = min(FIRST_PAUSE_S * 2.0 ** min(self._failures, 10), LONGEST_PAUSE_S)
            self._not_before_s = asyncio.get_running_loop().time() + pause_s
            self._fail(self._why)

    async def _open(self, channel: PeerChannel) -> Stream[Requests, Responses]:
        stream = channel.request(EXCHANGE, Cardinality.STREAM_STREAM, Requests, Responses)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await stream.__aenter__()
            await stream.send_request()
            # A peer answers at once with its headers: until then nothing says that it is one.
            await stream.recv_initial_metadata()
        return stream

    async def _exchange(self, stream: Stream[Requests, Responses]) -> str:
        sides = [asyncio.create_task(self._write(stream)), asyncio.create_task(self._read(stream))]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)

    async def _write(self, stream: Stream[Requests, Responses]) -> str:
        try:
            while True:
                batch = [request for request in await self._requests.take() if self._is_wanted(request)]
                if batch:
                    await stream.send_message(Requests(requests=batch))
        except Exception as error:
            return _reason(error)

    async def _read(self, stream: Stream[Requests, Responses]) -> str:
        try:
            while (message := await stream.recv_message()) is not None:
                for response in message.responses:
                    question = self._questions.get(response.id)
                    if question is not None and not question.answer.done():
                        question.answer.set_result(response)
        except Exception as error:
            return _reason(error)
        return "it ended the stream"

    def _is_wanted(self, request: Request) -> bool:
        """Whether a request is to be sent, as it is from now on."""
        if not request.id:
            return True
        question = self._questions.get(request.id)
        if question is None:
            return False
        question.sent = True
        return True

    def _fail(self, reason: str) -> None:
        self._requests = Outbox()
        for question in self._questions.values():
            if not question.answer.done():
                question.answer.set_exception(PeerUnreachable(self._address, reason, sent=question.sent))


def _reason(error: Exception) -> str:
    """Why a stream broke, in words."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, GRPCError):
        return f"{error.status.name}: {error.message}"
    if not isinstance(error, (OSError, StreamTerminatedError)):
        # No usual end of a connection: a bug of one of both sides.
        log.error("the stream to a peer failed", exc_info=error)
    return str(error) or type(error).__name__
