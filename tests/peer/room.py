"""A node with residents, and a link to it over the loopback."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from perdure_runtime.peer.link import PeerLink
from perdure_runtime.peer.server import PeerServer

from tests.peer.residents import FakePost, FakeResidents

STORY_S = 30.0


class Room:
    """What a story of two nodes needs."""

    def __init__(self) -> None:
        self.residents = FakeResidents()
        self.post = FakePost()
        self.server = PeerServer(self.residents, self.post, "127.0.0.1", 0)

    @property
    def address(self) -> str:
        """Where the server is."""
        return f"127.0.0.1:{self.server.port}"


@asynccontextmanager
async def linked(address: str) -> AsyncIterator[PeerLink]:
    """A link that is closed in the end."""
    link = PeerLink(address)
    try:
        yield link
    finally:
        link.close()
        await link.closed()


def tell(story: Callable[[Room, PeerLink], Awaitable[None]]) -> None:
    """Runs a story in a room, with a link to its server."""

    async def run() -> None:
        room = Room()
        await room.server.start()
        async with asyncio.timeout(STORY_S), linked(room.address) as link:
            await story(room, link)
        await room.server.close(0)

    asyncio.run(run())
