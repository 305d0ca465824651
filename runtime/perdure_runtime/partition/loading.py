"""A View that reads what memory lacks while an input is applied.

Beginning an input anew for each missing document would cost the square of a crowd, such as all that a cancelled caller
has called.
"""

from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.partition.journal import Journal
from perdure_runtime.partition.memory import Content, Memory
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import Caller, Channel, IdempotencyKey, Invocation, ObjectRow, Place, PromiseRow
from perdure_runtime.partition.view import Document, NotLoaded

P = ParamSpec("P")
T = TypeVar("T")


class LoadingView:
    """Never raises NotLoaded, but what ``load`` raises: memory keeps what was read until then, and no harm is done."""

    __slots__ = ("_load", "_memory", "placement")

    def __init__(self, memory: Memory, load: Callable[[Document], Content]) -> None:
        self._memory = memory
        self._load = load
        self.placement: Placement = memory.placement

    def owns(self, partition: int) -> bool:
        return self._memory.owns(partition)

    def invocation(self, invocation_id: str) -> Invocation | None:
        try:
            return self._memory.invocation(invocation_id)
        except NotLoaded as missing:
            self._read(missing.document)
            return self._memory.invocation(invocation_id)

    def journal(self, invocation_id: str) -> Journal:
        try:
            return self._memory.journal(invocation_id)
        except NotLoaded as missing:
            self._read(missing.document)
            return self._memory.journal(invocation_id)

    def listeners(self, invocation_id: str) -> tuple[Caller, ...]:
        return self._ask(self._memory.listeners, invocation_id)

    def object(self, service: str, key: str) -> ObjectRow | None:
        try:
            return self._memory.object(service, key)
        except NotLoaded as missing:
            self._read(missing.document)
            return self._memory.object(service, key)

    def inbox(self, service: str, key: str, seq: int) -> Place | None:
        return self._ask(self._memory.inbox, service, key, seq)

    def state(self, service: str, key: str) -> Mapping[str, bytes]:
        try:
            return self._memory.state(service, key)
        except NotLoaded as missing:
            self._read(missing.document)
            return self._memory.state(service, key)

    def idempotent(self, key: IdempotencyKey) -> str | None:
        try:
            return self._memory.idempotent(key)
        except NotLoaded as missing:
            self._read(missing.document)
            return self._memory.idempotent(key)

    def promises(self, service: str, key: str) -> Mapping[str, PromiseRow]:
        return self._ask(self._memory.promises, service, key)

    def channel(self, source: int, destination: int) -> Channel:
        return self._ask(self._memory.channel, source, destination)

    def received(self, source: int, destination: int) -> int:
        return self._ask(self._memory.received, source, destination)

    def mark(self, partition: int, source: str) -> int | None:
        return self._ask(self._memory.mark, partition, source)

    def held(self, invocation_id: str) -> Mapping[int, Outcome]:
        return self._ask(self._memory.held, invocation_id)

    def _ask(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        while True:
            try:
                return question(*args, **kwargs)
            except NotLoaded as missing:
                self._read(missing.document)

    def _read(self, document: Document) -> None:
        self._memory.load(document, self._load(document))
