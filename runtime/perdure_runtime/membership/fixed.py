"""Partitions that never move: those of a node alone, or of workers with a file each."""

import asyncio
from collections.abc import Collection, Mapping


class FixedDirectory:
    """Where each partition has its place for good. Implements ``peer.port.Directory``."""

    def __init__(self, mine: Collection[int], addresses: Mapping[int, str]) -> None:
        """``mine`` are the partitions of this node, ``addresses`` has where the peer of each other one is reached."""
        self._mine = frozenset(mine)
        self._addresses = dict(addresses)

    def is_here(self, partition: int) -> bool:
        """Whether it is this node's."""
        return partition in self._mine

    def address(self, partition: int) -> str:
        """Where the peer is reached whose it is; empty where it is this node's, or nobody's."""
        return "" if partition in self._mine else self._addresses.get(partition, "")

    def suspect(self, partition: int) -> None:
        """Nothing can be found that was not known: a peer that does not answer comes back to the same place."""

    async def changed(self) -> None:
        """Waits until it is cancelled, for nothing ever changes here: whoever waits sets a limit of its own."""
        await asyncio.get_running_loop().create_future()
