"""grpclib's client of HTTP/2, hardened: a peer that falls silent is found out, whatever it was yet to take.

grpclib pings, and closes the connection of a peer that does not answer. But closing waits until all has been written,
which a machine that is gone never reads: the connection is cut instead.
"""

import asyncio
from typing import cast

from grpclib.client import Channel, Handler
from grpclib.config import Configuration
from grpclib.protocol import Connection, EventsProcessor, H2Protocol
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

MIB = 1024 * 1024
# What a peer may send before we have read it.
WINDOW = 16 * MIB
FIRST_WINDOW = 65_535
# A peer is silent for less than the sum of both before it is taken for gone.
PING_EVERY_S = 0.75
PONG_WITHIN_S = 1.25
CONFIGURATION = Configuration(
    _keepalive_time=PING_EVERY_S,
    _keepalive_timeout=PONG_WITHIN_S,
    _keepalive_permit_without_calls=True,
    _http2_max_pings_without_data=0,
    _http2_min_sent_ping_interval_without_data=PING_EVERY_S / 2,
)


class PeerChannel(Channel):
    """A connection to a peer, made on first use."""

    def _protocol_factory(self) -> H2Protocol:
        return _Protocol(Handler(), self._config, self._h2_config)


class _Connection(Connection):
    """A connection that is cut when it is closed."""

    def close(self) -> None:
        # The attribute goes when it is closed.
        transport: asyncio.Transport | None = getattr(self, "_transport", None)
        super().close()
        if transport is not None:
            transport.abort()


class _Protocol(H2Protocol):
    """grpclib's protocol on such a connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        h2 = H2Connection(self.h2_config)
        windows = {SettingCodes.INITIAL_WINDOW_SIZE: WINDOW, SettingCodes.ENABLE_PUSH: 0}
        h2.local_settings = Settings(client=True, initial_values=windows)
        h2.initiate_connection()
        h2.increment_flow_control_window(WINDOW - FIRST_WINDOW)
        self.connection = _Connection(h2, cast(asyncio.Transport, transport), config=self.config)
        self.connection.flush()
        self.connection.initialize()
        self.processor = EventsProcessor(self.handler, self.connection)
