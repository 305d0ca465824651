"""What several invocations share, looked at when the world is quiet: cells, promises, and the rows of storage."""

from collections import defaultdict

from perdure import codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_runtime.partition.journal import is_command
from perdure_runtime.partition.rows import Cancel, Ended, Invocation
from simulated.v1 import CellState

from tests.simulation.databases import Databases
from tests.simulation.program import Body, Burst, Role, Step
from tests.simulation.witness import Witness

STATE = "state is that of its writers"
PROMISES = "a promise is settled once"
LEFT = "nothing is left over"
# What a few frames, commits and retries take.
SOON_MS = 300


class Shared:
    """Filled by the model: who did what to which cell and promise.

    ``killed`` and ``cancelled`` name what invocations have been at whose reports are missing or not whole.
    """

    def __init__(self, rows: Databases, witness: Witness, clocks_differ_ms: int) -> None:
        """``clocks_differ_ms``: by how much the clocks of nodes do, at most."""
        self._clocks_differ_ms = clocks_differ_ms
        self._rows = rows
        self._check = witness.check
        self.bumps: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self.first_bumps: dict[str, int] = {}
        self.bursts: list[Burst] = []
        self.looks: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.settled: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        self.peeked: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        self.waited: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        self.killed: set[tuple[Role, str]] = set()
        self.cancelled: set[tuple[Role, str]] = set()

    def check(self) -> None:
        """Looks at everything."""
        for key in sorted({*self.bumps, *self.looks, *(key for _, key in self._rows.state)}):
            self._look_at_count(key)
        for burst in self.bursts:
            found = [self.first_bumps[body.name] for body in burst.bodies if body.name in self.first_bumps]
            self._check("messages keep their order", found == sorted(found), f"{burst.path} found {found}")
        for key, promise in sorted({*self.settled, *self.peeked, *self.waited}):
            self._look_at_promise(key, promise)
        self._look_at_rows()

    def look_for_leavings(self) -> None:
        """When all retention is over, nothing is left but the state of cells."""
        rows = self._rows
        for name in ("invocations", "journals", "idempotency", "objects", "inbox", "held"):
            left = [key for key, value in getattr(rows, name).items() if value is not None and value != {}]
            self._check("what is over is forgotten", not left, f"there are still {name}: {left}")
        left = [promises for promises in rows.promises.values() if promises]
        self._check("what is over is forgotten", not left, f"there are still promises: {left}")

    def look_for_missed_cancellation(self, body: Body, row: Invocation, log: list[str]) -> None:
        """A handler that does not know of its cancellation saw no more after it than the end of the step that ran."""
        entries = self._journal(row.id)
        told = next((index for index, entry in enumerate(entries) if entry.HasField("cancellation")), None)
        if told is None or body.role is Role.CARE:
            return
        names = [entry.run.name if entry.HasField("run") else "" for entry in entries if is_command(entry)]
        ended_before = _completed(entries[:told])
        ended_after = _completed(entries[told:])
        awaited = {op.path for op in body.ops if isinstance(op, Step)}
        began = names[: sum(map(is_command, entries[:told]))]
        if any(name and name not in awaited and command not in ended_before for command, name in enumerate(began)):
            return  # Steps that nobody waits for hold a cancellation back for as long as they run.
        logged = [line.partition("=")[0] for line in log]
        seen = [path for path in logged if path in awaited and names.index(path) in ended_after]
        self._check("cancellations are raised", len(seen) <= 1, f"{body.name} ({row.id}) saw {seen} afterwards")

    def look_for_cancelled_too_late(self, row: Invocation) -> None:
        """A handler hears of its cancellation at once when all that it has called has ended."""
        entries = self._journal(row.id)
        told_ms = next(entry.cancellation.at_ms for entry in entries if entry.HasField("cancellation"))
        undone_ms = entries[-1].completion.at_ms
        soon = undone_ms - told_ms < SOON_MS + self._clocks_differ_ms
        self._check("cancellations are raised", soon, f"{row.id} was told {told_ms}, acted {undone_ms}")

    def look_for_cancelled_too_soon(self, row: Invocation) -> None:
        """A handler hears of its cancellation when all that it has called has ended."""
        entries = self._journal(row.id)
        told = next(index for index, entry in enumerate(entries) if entry.HasField("cancellation"))
        for entry in entries[:told]:
            called = entry.HasField("call") and not entry.call.kept  # What it shields is none of its leaves.
            callee = self._rows.invocations.get(entry.call.invocation_id) if called else None
            if callee is None or callee.caller is None or callee.caller.invocation_id != row.id:
                continue  # Others may have made it, and want its result.
            assert isinstance(callee.status, Ended)
            ended = callee.status.at_ms <= entries[told].cancellation.at_ms + self._clocks_differ_ms
            self._check("leaves are cancelled first", ended, f"{row.id} was told before {callee.id} had ended")

    def look_for_survivors(self, row: Invocation) -> None:
        """What a killed invocation has called is killed with it; elsewhere, once it is heard of there."""
        assert isinstance(row.status, Ended)
        place = self._rows.placement.of_invocation
        for callee in self._rows.invocations.values():
            is_near = place(callee.id) == place(row.id)
            if is_near and callee.caller is not None and callee.caller.invocation_id == row.id:
                assert isinstance(callee.status, Ended)
                ended = callee.status.at_ms <= row.status.at_ms
                self._check("what is killed has ended", ended, f"{callee.id} went on after {row.id} was killed")

    def _look_at_count(self, key: str) -> None:
        stored = self._rows.state.get(("simulated.v1.Cell", key), {}).get("count")
        count = 0 if stored is None else codec.decode(CellState, stored).count
        # An invocation that was killed reports nothing, and may have written.
        gaps = (Role.WRITE, key) in self.killed
        at = 0
        for before, after, who in sorted(self.bumps[key]):
            self._check(STATE, before == at or (gaps and before > at), f"{who} found {before} in {key}, not {at}")
            at = after
        self._check(STATE, count == at or (gaps and count > at), f"{key} holds {count}, its writers left {at}")
        values = {0, *(after for _, after, _ in self.bumps[key])}
        for saw, who in self.looks[key]:
            self._check(STATE, saw in values or gaps, f"{who} saw {saw} in {key}")

    def _look_at_promise(self, key: str, promise: str) -> None:
        winners = [path for path, saw in self.settled[key, promise] if saw == "None"]
        told = f"{promise} of {key} was settled by {winners}"
        row = self._rows.promises.get(("simulated.v1.Flow", key), {}).get(promise)
        broken = bool({(Role.TELL, key), (Role.RUN, key)} & (self.killed | self.cancelled))
        self._check(PROMISES, len(winners) <= 1, told)
        if winners:
            self._check(PROMISES, row is not None and row.result is not None, f"{told}, and has no result")
        seen = self.waited[key, promise] + [peek for peek in self.peeked[key, promise] if peek[1] != "nothing"]
        # Who was broken off while it settled the promise may have done so without a word.
        winners = winners or ([seen[0][1]] if seen and broken else [])
        for path, saw in seen:
            self._check(PROMISES, [saw] == winners, f"{told}, {path} saw {saw}")
        if row is not None:
            self._check(LEFT, not row.waiting, f"{promise} of {key} is still waited for by {row.waiting}")

    def _look_at_rows(self) -> None:
        rows, check = self._rows, self._check
        check(LEFT, not rows.objects, f"keys are held: {rows.objects}")
        check(LEFT, not rows.inbox, f"places in line are taken: {rows.inbox}")
        listeners = {id: callers for id, callers in rows.listeners.items() if callers}
        check(LEFT, not listeners, f"callers are still waiting: {listeners}")
        for id, results in rows.held.items():
            told = bool(results) and rows.invocations[id].cancel is Cancel.JOURNALED
            check(LEFT, not told, f"results are held for {id}, which knows of its cancellation")
        for name, id in rows.idempotency.items():
            check(LEFT, id in rows.invocations, f"{name} names {id}, which is not there")
        for id, journal in rows.journals.items():
            gapless = sorted(journal) == list(range(len(journal)))
            check("journals have no gaps", gapless, f"the journal of {id} has the places {sorted(journal)}")

    def _journal(self, id: str) -> list[Entry]:
        return self._rows.entries(id)


def _completed(entries: list[Entry]) -> set[int]:
    return {entry.completion.command for entry in entries if entry.HasField("completion")}
