"""Connections whose calls outlive the goodbye of a server: a node that stops answers what runs, and then closes."""

from asyncio import BaseTransport
from collections.abc import Callable

from grpclib.client import Channel, Handler
from grpclib.protocol import H2Protocol
from h2.errors import ErrorCodes
from h2.events import Event
from hyperframe.frame import Frame, GoAwayFrame


class PatientChannel(Channel):
    """A channel that does not end with the server's GOAWAY."""

    @property
    def leaving(self) -> bool:
        """Whether the server takes no more calls here, though it still answers those that run."""
        return isinstance(self._protocol, PatientProtocol) and self._protocol.leaving

    def _protocol_factory(self) -> H2Protocol:
        return PatientProtocol(Handler(), self._config, self._h2_config)


class PatientProtocol(H2Protocol):
    """h2 and grpclib take every GOAWAY for the end of the connection: this keeps the friendly ones from them.

    Attributes:
        leaving: The server has said goodbye.
    """

    leaving = False

    def connection_made(self, transport: BaseTransport) -> None:
        """Listens for the goodbye before h2 does."""
        super().connection_made(transport)
        frames = self.connection._connection._frame_dispatch_table
        self._end: Callable[[GoAwayFrame], tuple[list[Frame], list[Event]]] = frames[GoAwayFrame]
        frames[GoAwayFrame] = self._goodbye

    def _goodbye(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        if frame.error_code != ErrorCodes.NO_ERROR:
            return self._end(frame)
        self.leaving = True
        for stream_id, stream in list(self.processor.streams.items()):
            if stream_id > frame.last_stream_id:
                stream.__terminated__("the server stops, and has not taken this call")
        return [], []
