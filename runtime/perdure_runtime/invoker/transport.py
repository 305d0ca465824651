"""How frames reach an endpoint: over gRPC to another process, or in memory."""

from collections.abc import Callable, Sequence
from typing import Protocol

from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame

OnFrames = Callable[[Sequence[EndpointFrame]], None]


class EndpointUnreachable(Exception):
    """A session could not be opened, or has broken; the message says why."""


class Link(Protocol):
    """An open session."""

    def send(self, frame: NodeFrame) -> None:
        """Queues a frame; frames arrive in order or the session breaks."""

    async def closed(self) -> str:
        """Waits until the session has broken, and says why."""

    async def close(self) -> None:
        """Ends the session, and with it all attempts that it runs."""


class Transport(Protocol):
    """An endpoint that sessions can be opened to."""

    @property
    def address(self) -> str:
        """What people know the endpoint by."""

    async def open(self, on_frames: OnFrames) -> Link:
        """Opens a session. Raises EndpointUnreachable."""
