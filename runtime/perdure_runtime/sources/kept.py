"""What is kept of sources: their marks, which partitions store, and the records beside them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from perdure_runtime.sources.port import TOPIC_RECORD, Registry, Survey
from perdure_runtime.sources.record import TopicRecord
from perdure_runtime.storage.views import MARK, Condition, Operator, ViewRow, is_equal

PAGE = 1_000


class Kept:
    """All of it, read and written in threads. All methods raise StorageFailure."""

    def __init__(self, registry: Registry, survey: Survey) -> None:
        self._registry = registry
        self._survey = survey

    async def heads(self, prefix: str) -> dict[str, int]:
        """The greatest mark of each source whose name begins so, by the rest of its name."""
        condition = Condition("source", Operator.BEGINS, (prefix,))
        heads: dict[str, int] = {}
        for row in await asyncio.to_thread(self._scan, condition):
            name, position = _read(row)
            name = name.removeprefix(prefix)
            heads[name] = max(position, heads.get(name, position))
        return heads

    async def marks(self, source: str) -> list[int]:
        """The positions that the marks of a source stand at."""
        return [_read(row)[1] for row in await asyncio.to_thread(self._scan, is_equal("source", source))]

    async def definitions(self, kind: str) -> dict[str, bytes]:
        """What is defined of a kind."""
        return await asyncio.to_thread(self._registry.definitions, kind)

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps a definition; None removes it."""
        await asyncio.to_thread(self._registry.define, kind, name, content)

    def of(self, source: str) -> "KeptSource":
        """What is kept of one partition of a topic."""
        return KeptSource(self, source)

    def _scan(self, condition: Condition) -> Sequence[ViewRow]:
        rows: list[ViewRow] = []
        after: ViewRow | None = None
        while page := self._survey.scan(MARK, (condition,), after, PAGE):
            rows += page
            after = MARK.key_of(page[-1])
        return rows


@dataclass(frozen=True, slots=True)
class KeptSource:
    """Implements ``reading.Keeping``."""

    kept: Kept
    source: str

    async def marks(self) -> list[int]:
        """The positions that its marks stand at."""
        return await self.kept.marks(self.source)

    async def record(self) -> TopicRecord | None:
        """What was kept beside them."""
        return TopicRecord.read((await self.kept.definitions(TOPIC_RECORD)).get(self.source))

    async def keep(self, record: TopicRecord) -> None:
        """Keeps it durably."""
        await self.kept.define(TOPIC_RECORD, self.source, record.content())


def _read(row: ViewRow) -> tuple[str, int]:
    source, position = row[MARK.place("source")], row[MARK.place("position")]
    assert isinstance(source, str)
    assert isinstance(position, int)
    return source, position
