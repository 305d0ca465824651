"""A link passes bytes on; cut, it says nothing; healed, what was said arrives late, or the connection is reset."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.proxy import Link

TIMEOUT_S = 10.0
# Nothing can be awaited that must not happen; a link that leaks does so at once.
SILENCE_S = 0.2

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[Link, Ends, Ends]]:
    """A link with one connection: its near and its far end."""
    accepted: asyncio.Queue[Ends] = asyncio.Queue()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accepted.put((reader, writer))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with asyncio.timeout(TIMEOUT_S), server, Link(server.sockets[0].getsockname()[1]) as link:
        near = await asyncio.open_connection("127.0.0.1", link.port)
        far = await accepted.get()
        yield link, near, far
        for _, writer in (near, far):
            writer.close()


async def arrives(reader: asyncio.StreamReader) -> bool:
    """Whether something comes."""
    try:
        async with asyncio.timeout(SILENCE_S):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


def test_a_whole_link_passes_bytes_both_ways() -> None:
    async def story() -> tuple[bytes, bytes]:
        async with connected() as (_, near, far):
            near[1].write(b"ping")
            far[1].write(b"pong")
            return await far[0].readexactly(4), await near[0].readexactly(4)

    assert asyncio.run(story()) == (b"ping", b"pong")


def test_what_is_said_on_a_cut_link_arrives_when_it_is_healed_and_not_before() -> None:
    async def story() -> tuple[bool, bool, bytes]:
        async with connected() as (link, near, far):
            link.cut()
            near[1].write(b"late")
            far[1].write(b"x")
            before = await arrives(far[0]), await arrives(near[0])
            link.heal()
            return *before, await far[0].readexactly(4)

    assert asyncio.run(story()) == (False, False, b"late")


def test_a_reset_breaks_the_connection_for_both_ends_and_loses_what_was_said() -> None:
    async def story() -> None:
        async with connected() as (link, near, far):
            link.cut()
            near[1].write(b"lost")
            assert not await arrives(far[0])
            link.reset()
            link.heal()
            for reader, _ in (near, far):
                with pytest.raises(ConnectionResetError):
                    await reader.read()

    asyncio.run(story())


def test_the_end_of_one_side_is_heard_at_the_other() -> None:
    async def story() -> bytes:
        async with connected() as (_, near, far):
            near[1].write(b"last words")
            near[1].write_eof()
            return await far[0].read()

    assert asyncio.run(story()) == b"last words"
