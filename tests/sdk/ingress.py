"""An ingress that the test plays, on a socket and in a thread of its own."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from grpclib.const import Cardinality, Handler, Status
from grpclib.protocol import H2Protocol
from grpclib.server import Server, Stream
from hyperframe.frame import GoAwayFrame
from perdure import Client, codec
from perdure.connections import DetailsCodec, RawCodec

from tests.sdk.contract import Word

PATHS = (
    "/testing.v1.Story/Do",
    "/testing.v1.Counter/Add",
    "/testing.v1.Counter/Read",
    "/testing.v1.Signup/Run",
    *(
        f"/perdure.ingress.v1.IngressService/{method}"
        for method in ("Attach", "Output", "Cancel", "Signal", "ResolveAwakeable", "RejectAwakeable")
    ),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came."""

    path: str
    message: bytes
    metadata: Mapping[str, str | bytes]
    timeout_s: float | None


@dataclass(frozen=True, slots=True)
class Said:
    """The answer: a message, or with a status an error; ``ended`` marks the terminal error of an invocation."""

    message: bytes = b""
    invocation_id: str = ""
    status: Status | None = None
    text: str = ""
    details: Sequence[bytes] = ()
    ended: bool = False


Answering = Callable[[Asked], Awaitable[Said]]


class FakeIngress:
    """Answers as the test says, while it is up."""

    def __init__(self, answer: Answering, port: int = 0) -> None:
        self.answer = answer
        self.port = port
        self.asked: list[Asked] = []
        self.connections: list[H2Protocol] = []

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listens, on the port of before if it was up before."""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        """Goes away, with all connections. Returns once it has."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()

    def say_goodbye(self, last_call: int) -> None:
        """Takes no more calls on the connections that there are; ``last_call`` numbers the last taken, from 1."""

        def say() -> None:
            for connection in self.connections:
                goodbye = GoAwayFrame(0, last_stream_id=max(2 * last_call - 1, 0)).serialize()
                connection.connection._transport.write(goodbye)

        self._loop.call_soon_threadsafe(say)

    def __mapping__(self) -> Mapping[str, Handler]:
        """What grpclib calls, by path."""
        return {path: Handler(self._handler(path), Cardinality.UNARY_UNARY, bytes, bytes) for path in PATHS}

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = _Server([self], codec=RawCodec(), status_details_codec=DetailsCodec())
        server.connections = self.connections = []
        await server.start("127.0.0.1", self.port)
        assert isinstance(server._server, asyncio.Server)
        self.port = server._server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        for connection in self.connections:
            connection.processor.close()
        await server.wait_closed()

    def _handler(self, path: str) -> Callable[[Stream[bytes, bytes]], Awaitable[None]]:
        async def handle(stream: Stream[bytes, bytes]) -> None:
            message = await stream.recv_message()
            assert message is not None
            timeout_s = None if stream.deadline is None else stream.deadline.time_remaining()
            asked = Asked(path, message, dict(stream.metadata or {}), timeout_s)
            self.asked.append(asked)
            said = await self.answer(asked)
            if said.invocation_id:
                await stream.send_initial_metadata(metadata={"perdure-invocation-id": said.invocation_id})
            if said.status is None:
                await stream.send_message(said.message)
                return
            await stream.send_trailing_metadata(
                status=said.status,
                status_message=said.text,
                status_details=list(said.details) or None,
                metadata={"perdure-outcome": "terminal-error"} if said.ended else {},
            )

        return handle


class _Server(Server):
    connections: list[H2Protocol]

    def _protocol_factory(self) -> H2Protocol:
        protocol = super()._protocol_factory()
        self.connections.append(protocol)
        return protocol


HELLO = Said(codec.encode(Word(text="hello")), "inv_1")


async def hello(asked: Asked) -> Said:
    """Answers hello."""
    return HELLO


def meet(
    answer: Answering,
    story: Callable[[Client, FakeIngress], Coroutine[None, None, None]],
    timeout_s: float | None = None,
) -> None:
    """Runs a story with a client of an ingress that answers so."""

    async def run() -> None:
        timeout = None if timeout_s is None else timedelta(seconds=timeout_s)
        async with asyncio.timeout(30), Client(ingress.address, timeout=timeout) as client:
            await story(client, ingress)

    with FakeIngress(answer) as ingress:
        asyncio.run(run())
