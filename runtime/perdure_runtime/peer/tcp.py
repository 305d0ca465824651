"""Nodes that reach each other over TCP."""

from perdure_runtime.peer.peers import Peers
from perdure_runtime.peer.port import Post, Residents
from perdure_runtime.peer.server import PeerServer


class Tcp:
    """Implements ``node.settings.Network``."""

    def peers(self) -> Peers:
        """The way to the others."""
        return Peers()

    def server(self, residents: Residents, post: Post, host: str, port: int) -> PeerServer:
        """The way in, not open yet; port 0 lets the system choose."""
        return PeerServer(residents, post, host, port)
