"""The peers of a node, by their address."""

import asyncio
import ssl
from collections.abc import Collection, Sequence

from perdure_runtime.peer.link import PeerLink
from perdure_runtime.storage.api import Parcel


class Peers:
    """Links are made when they are needed."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._links: dict[str, PeerLink] = {}
        self._closing: set[PeerLink] = set()
        self._closed = False

    def link(self, address: str) -> PeerLink:
        """The way to the node at an address. Raises ValueError where that is no host:port."""
        link = self._links.get(address)
        if link is None:
            link = PeerLink(address, self._tls)
            if self._closed:
                link.close()
            else:
                self._links[address] = link
        return link

    def send_parcels(self, address: str, parcels: Sequence[Parcel]) -> None:
        """Brings messages to partitions of the node at an address."""
        self.link(address).send_parcels(parcels)

    def acknowledge(self, address: str, source: int, destination: int, seq: int) -> None:
        """Tells the node at an address that ``destination`` has all messages of ``source`` up to a number."""
        self.link(address).acknowledge(source, destination, seq)

    def look(self, address: str) -> None:
        """Tells the node at an address that something has changed in the cluster."""
        self.link(address).look()

    def keep(self, addresses: Collection[str]) -> None:
        """There are no other peers than these any more: whoever waits for another one gets PeerUnreachable."""
        for address in sorted(self._links.keys() - set(addresses)):
            self._drop(address)

    async def close(self) -> None:
        """Closes all links, and those that somebody asks for later."""
        self._closed = True
        for address in list(self._links):
            self._drop(address)
        await asyncio.gather(*(link.closed() for link in self._closing))
        self._closing.clear()

    def _drop(self, address: str) -> None:
        link = self._links.pop(address)
        link.close()
        # Kept until its tasks have ended: nobody else knows of them.
        self._closing = {each for each in self._closing if each.is_running} | {link}
