"""Tasks by name: each is what somebody wants done, until it is wanted otherwise."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


class Runs(Protocol):
    """What goes on until it is cancelled."""

    def run(self) -> Coroutine[None, None, None]:
        """Goes on."""


Work = TypeVar("Work", bound=Runs)


@dataclass(frozen=True, slots=True)
class _Errand(Generic[Work]):
    wish: bytes
    work: Work
    task: asyncio.Task[None]


class Errands(Generic[Work]):
    """What is under way, by its name. A task that ends by itself is a bug, and stays."""

    def __init__(self) -> None:
        self._errands: dict[str, _Errand[Work]] = {}

    def get(self, name: str) -> Work | None:
        """What is under way by this name."""
        errand = self._errands.get(name)
        return None if errand is None else errand.work

    def __len__(self) -> int:
        return len(self._errands)

    async def change(self, wishes: Mapping[str, bytes], make: Callable[[str], Work]) -> list[str]:
        """Stops what is not wished any more, or otherwise, then starts what is; returns the names of the former."""
        dropped = [name for name in self._errands if name not in wishes]
        await self._stop([name for name, errand in self._errands.items() if wishes.get(name) != errand.wish])
        for name, wish in wishes.items():
            if name not in self._errands:
                work = make(name)
                self._errands[name] = _Errand(wish, work, asyncio.create_task(work.run(), name=name))
        return dropped

    async def close(self) -> None:
        """Stops all of it."""
        await self._stop(list(self._errands))

    async def _stop(self, names: Collection[str]) -> None:
        tasks = [self._errands.pop(name).task for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
