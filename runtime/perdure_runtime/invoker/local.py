"""Sessions with an endpoint in this process: the same frames, without a wire."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame

from perdure_runtime.invoker.transport import Link, OnFrames


class EndpointSession(Protocol):
    """The endpoint's side of a session, as the SDK makes it."""

    def receive(self, frames: Sequence[NodeFrame]) -> None:
        """Takes in frames."""

    async def close(self) -> None:
        """Ends all attempts."""


OpenSession = Callable[[Callable[[list[EndpointFrame]], None]], EndpointSession]


class LocalTransport:
    """Opens sessions in memory."""

    address = "in process"

    def __init__(self, open_session: OpenSession) -> None:
        self._open_session = open_session

    async def open(self, on_frames: OnFrames) -> Link:
        """Opens a session."""
        return LocalLink(self._open_session(on_frames))


class LocalLink:
    """An open session in memory; it breaks only when it is closed."""

    def __init__(self, session: EndpointSession) -> None:
        self._session = session
        self._closed = asyncio.Event()

    def send(self, frame: NodeFrame) -> None:
        """Gives the endpoint a frame, now."""
        self._session.receive((frame,))

    async def closed(self) -> str:
        """Waits for close()."""
        await self._closed.wait()
        return "closed"

    async def close(self) -> None:
        """Ends the session."""
        self._closed.set()
        await self._session.close()
