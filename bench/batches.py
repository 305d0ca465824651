"""Batches as a node at work commits them, without a node: for what is measured of storages alone.

A batch has the beginnings of some calls, and the ends of those of the batch before.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from itertools import count, islice

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Outcome, RunCommand
from perdure_runtime.partition import ids
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.rows import SHARED, Ended, Invocation, Running, Target
from perdure_runtime.partition.writes import Writes

OBJECT = "shop.v1.UserAccount"
# Of a step: what was asked for, and what came of it.
STEP = (Entry(run=RunCommand(name="charge")), Entry(completion=Completion(command=0, at_ms=1, value=bytes(32))))
KEYS = 1_000


@dataclass(frozen=True, slots=True)
class Kind:
    """What each call writes beside its beginning and its end.

    Attributes:
        steps: Two rows each in its journal.
        state: A row of the state of a key.
        purged: Whether calls are forgotten soon after their end, as all are some day.
    """

    steps: int = 0
    state: bool = False
    purged: bool = False

    @property
    def rows(self) -> int:
        """How many rows a call writes, and how many it deletes."""
        written = 2 + 2 * self.steps + self.state
        return written + (1 + 2 * self.steps if self.purged else 0)


class Batches:
    """Batches of the calls of some partitions."""

    def __init__(self, kind: Kind, calls: int, placement: Placement, partitions: Collection[int]) -> None:
        self._kind = kind
        self._calls = calls
        ours = (key for key in map(str, count()) if placement.of_key(OBJECT, key) in partitions)
        self._keys = list(islice(ours, KEYS))

    def make(self, number: int) -> Writes:
        """The batch of this number, from 0."""
        writes = Writes()
        for call in range(self._calls):
            new = self._invocation(number, call)
            writes.invocations[new.id] = new
            writes.inserted.add(new.id)
            for place in range(self._kind.steps * len(STEP)):
                writes.journal[new.id, place] = STEP[place % len(STEP)]
            if self._kind.state:
                writes.state[OBJECT, new.target.key, "balance"] = b"%d" % number
            if number > 0:
                before = self._invocation(number - 1, call)
                ended = Ended(Outcome(value=bytes(32)), number, number, number)
                writes.invocations[before.id] = replace(before, status=ended)
            if number > 1 and self._kind.purged:
                writes.purged.add(self._invocation(number - 2, call).id)
        return writes

    def _invocation(self, number: int, call: int) -> Invocation:
        key = self._keys[(number * self._calls + call) % len(self._keys)]
        id = ids.mint(number, number * self._calls + call, ids.place_of_key(OBJECT, key))
        return Invocation(id, Target(OBJECT, "Charge", key), SHARED, bytes(64), (), "", None, number, Running())
