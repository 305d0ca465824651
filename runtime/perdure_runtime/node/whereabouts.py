"""Where partitions are: unknown until the node has started, then as its directories say, one a database."""

import asyncio
from collections.abc import Sequence

from perdure_runtime.peer.port import Directory


class Whereabouts:
    """Implements ``peer.port.Directory``. Partition p is in the database, and the directory, p modulo their number."""

    def __init__(self) -> None:
        self._directories: tuple[Directory, ...] = ()

    def settle(self, directories: Sequence[Directory]) -> None:
        """From now on these say where partitions are."""
        self._directories = tuple(directories)

    def is_here(self, partition: int) -> bool:
        """Whether this node owns it, and can be sure of it."""
        directories = self._directories
        return bool(directories) and directories[partition % len(directories)].is_here(partition)

    def address(self, partition: int) -> str:
        """Where the peer is reached that owns it; empty where nobody is known to."""
        directories = self._directories
        return directories[partition % len(directories)].address(partition) if directories else ""

    def suspect(self, partition: int) -> None:
        """What is known of this one has just been found wrong."""
        directories = self._directories
        if directories:
            directories[partition % len(directories)].suspect(partition)

    async def changed(self) -> None:
        """Waits until something is known that was not before."""
        waiting = [asyncio.ensure_future(directory.changed()) for directory in self._directories]
        if not waiting:
            await asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
