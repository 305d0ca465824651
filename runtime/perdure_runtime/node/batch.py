"""What one commit makes durable, and what waits for it."""

import asyncio
from dataclasses import dataclass, field

from perdure_runtime.partition.effect import Effect
from perdure_runtime.partition.writes import Writes


@dataclass(slots=True)
class Batch:
    """The writes of many steps, folded.

    ``told`` are the invocations whose attempts have seen some of them; ``barriers`` complete with the commit.
    """

    writes: Writes = field(default_factory=Writes)
    effects: list[Effect] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    barriers: list[asyncio.Future[None]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.effects or self.barriers or self.writes)
