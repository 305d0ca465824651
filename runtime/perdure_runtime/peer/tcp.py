"""Nodes that reach each other over TCP."""

from perdure_runtime.peer.peers import Peers
from perdure_runtime.peer.port import Post, Residents
from perdure_runtime.peer.server import PeerServer
from perdure_runtime.security.tls import PeerContexts


class Tcp:
    """Implements ``node.settings.Network``: in the clear without ``contexts``."""

    def __init__(self, contexts: PeerContexts | None = None) -> None:
        self._contexts = contexts

    def peers(self) -> Peers:
        """The way to the others."""
        return Peers(None if self._contexts is None else self._contexts.client)

    def server(self, residents: Residents, post: Post, host: str, port: int) -> PeerServer:
        """The way in, not open yet; port 0 lets the system choose."""
        tls = None if self._contexts is None else self._contexts.server
        return PeerServer(residents, post, host, port, tls=tls)
