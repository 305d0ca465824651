"""What must be left when the world is quiet: every body was done as its program says.

Each invocation reported what it saw, line by line. The model walks through its program with this log and says where the
one does not follow from the other; what it learns of cells and promises on the way goes to ``shared``.
"""

from collections.abc import Mapping
from itertools import takewhile
from typing import assert_never

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.partition.rows import Cancel, Ended, Invocation

from tests.simulation.databases import Databases
from tests.simulation.joint import Shared
from tests.simulation.outsiders import Outsiders
from tests.simulation.program import (
    All,
    Awake,
    Body,
    Bump,
    Burst,
    By,
    Call,
    CallOff,
    Fail,
    First,
    Fork,
    Keys,
    Leaf,
    Look,
    Op,
    Patience,
    Peek,
    Program,
    Role,
    Send,
    Settle,
    Shield,
    Signals,
    Sleep,
    Spawn,
    Step,
    Stumble,
    Wait,
    operations,
)
from tests.simulation.rows import body_of, report_of
from tests.simulation.script import CANCELLED, HEEDED, TIMED_OUT, UNDO, digest
from tests.simulation.witness import Witness

NEVER_STARTED = ["cancelled before it started"]
GIVEN_UP = "step {!r} was not done when its invocation was cancelled"
KILLED = ["killed by an operator"]


class Wrong(Exception):
    """A log that does not follow from its program."""


class Model:
    """Reads what each invocation reported against what its body says."""

    def __init__(
        self,
        program: Program,
        rows: Databases,
        witness: Witness,
        outsiders: Outsiders,
        told: Mapping[str, tuple[str, Outcome]],
        calm: bool,
        clocks_differ_ms: int,
    ) -> None:
        """``calm`` says that nothing went wrong: then whatever can be done at once is.

        ``clocks_differ_ms``: by how much the clocks of nodes do, at most.
        """
        self._clocks_differ_ms = clocks_differ_ms
        self._program = program
        self._rows = rows
        self._witness = witness
        self._outsiders = outsiders
        self._told = told
        self._calm = calm
        self._done: dict[str, Invocation] = {}
        self._bodies = {body.name: body for body in program.bodies()}
        self._callers = {
            op.body.name: body.name
            for body in self._bodies.values()
            for op in operations(body.ops)
            if isinstance(op, Call | CallOff)
        }
        self._cancels = outsiders.cancels | {
            op.body.name for body in self._bodies.values() for op in operations(body.ops) if isinstance(op, CallOff)
        }
        self.shared = Shared(rows, witness, clocks_differ_ms)

    def check(self) -> None:
        """Looks at everything."""
        for row in self._rows.invocations.values():
            body = body_of(row)
            self._witness.check(
                "one invocation a body", body not in self._done, f"{body} was done by {row.id} and another one"
            )
            self._done[body] = row
        for errand in self._program.errands:
            name = errand.body.name
            if name in self._told or not errand.careless:
                known = name in self._done and self._told.get(name, ("",))[0] == self._done[name].id
                self._witness.check("no call is lost", known, f"the errand {name} left no invocation, or another one")
            self._not_early(name, errand.delay_ms)
        for name, row in self._done.items():
            self._look(self._bodies[name], row)
        self.shared.check()

    def _look(self, body: Body, row: Invocation) -> None:
        assert isinstance(row.status, Ended)
        failed, log = report_of(row.status.outcome)
        happened = self._witness.happened
        try:
            if log == NEVER_STARTED:
                happened["invocations cancelled before they started"] += 1
                self._look_at_none(body, row)
            elif log == KILLED:
                happened["invocations killed"] += 1
                self._wanted(body, self._outsiders.kills, by_care=True)
                self.shared.killed.add((body.role, body.key))
                self.shared.look_for_survivors(row)
            else:
                self._follow(body, row, failed, log)
        except Wrong as wrong:
            self._witness.breach("reports follow from programs", f"{body.name} ({row.id}): {wrong}; its log: {log}")
        self._witness.checked["reports follow from programs"] += 1

    def _follow(self, body: Body, row: Invocation, failed: bool, log: list[str]) -> None:
        if not all("=" in line for line in log):
            raise Wrong("that is no report of its own")
        entries = dict(line.split("=", 1) for line in log)
        cancelled = entries.pop(CANCELLED, None) is not None
        if entries.pop(HEEDED, None) is not None:
            self._wanted(body, self._cancels, by_care=False)
        ended = "cancelled" if cancelled else "ended with a terminal error" if failed else "ended with a result"
        self._witness.happened[f"invocations {ended}"] += 1
        if cancelled:
            self._wanted(body, self._cancels, by_care=False)
            if (row.id, f"{UNDO} {body.name}") not in self._witness.acknowledged:
                raise Wrong("it was cancelled and has not undone what it did")
            self.shared.cancelled.add((body.role, body.key))
            self.shared.look_for_cancelled_too_soon(row)
            if self._calm and not any(_takes_its_time(op) for op in operations(body.ops)):
                self.shared.look_for_cancelled_too_late(row)
        through = self._walk(body, row.id, body.ops, entries, lenient=cancelled)
        if entries:
            raise Wrong(f"it says too much: {entries}")
        if failed == (through and not cancelled):
            raise Wrong(f"it {'failed' if failed else 'did not fail'}")
        if not cancelled:
            self.shared.look_for_missed_cancellation(body, row, log)

    def _look_at_none(self, body: Body, row: Invocation) -> None:
        self._wanted(body, self._cancels, by_care=False)
        # An attempt that was never durable leaves no trace in the world.
        if any(id == row.id for id, _ in self._witness.steps):
            raise Wrong("the world has seen it start")

    def _wanted(self, body: Body, names: set[str], by_care: bool) -> None:
        """Somebody wanted it for this body, or for one that called it and does not look after that itself."""
        name: str | None = body.name
        while name is not None:
            if name in names:
                return
            name = self._callers.get(name)
            if name is not None and self._bodies[name].role is Role.CARE and not by_care:
                break
        raise Wrong("nobody asked for that")

    def _walk(
        self, body: Body, id: str, ops: tuple[Op, ...], entries: dict[str, str], lenient: bool, forked: bool = False
    ) -> bool:
        """Whether these operations all went through.

        ``lenient``: they may have been broken off. ``forked``: by the end of the handler, which no shield holds back.
        """
        for op in ops:
            match op:
                case Stumble():
                    continue
                case Shield():
                    begun = any(inner.path in entries for inner in operations(op.ops))
                    if not self._walk(body, id, op.ops, entries, lenient and (forked or not begun), forked):
                        return False
                    continue
                case Fork():
                    broken = lenient or any(isinstance(part, Fail) for part in operations((op,)))
                    through = [self._walk(body, id, branch, entries, broken, True) for branch in op.branches]
                    if not all(through):
                        return False
                case _:
                    pass
            saw = entries.pop(op.path, None)
            if saw is None:
                if lenient:
                    return False
                raise Wrong(f"{op.path} is missing")
            if isinstance(op, Fail):
                return False
            self._look_at_op(body, id, op, saw)
        return True

    def _look_at_op(self, body: Body, id: str, op: Op, saw: str) -> None:
        match op:
            case Bump():
                before, _, after = saw.partition(">")
                self.shared.bumps[body.key].append((int(before), int(after), f"{op.path} of {id}"))
                self.shared.first_bumps.setdefault(body.name, int(before))
                if int(after) != int(before) + op.amount:
                    raise Wrong(f"{op.path} added something else: {saw}")
            case CallOff():
                self._look_at_end(op.path, op.body, saw)
            case Keys():
                earlier = takewhile(lambda other: other is not op, operations(body.ops))
                if saw != "count" and any(isinstance(other, Bump) for other in earlier):
                    raise Wrong(f"{op.path} missed the count: {saw!r}")
            case Burst():
                for sent, sent_body in zip(saw.split(","), op.bodies, strict=True):
                    self._look_at_sent(op.path, sent_body, sent)
                self.shared.bursts.append(op)
            case Look():
                self.shared.looks[body.key].append((int(saw), f"{op.path} of {id}"))
            case Sleep():
                if int(saw) < op.ms - self._clocks_differ_ms:
                    raise Wrong(f"{op.path} took {saw} ms of {op.ms}")
                self._witness.checked["timers are never early"] += 1
            case Step() | Call() | Send() | Wait():
                self._look_at_leaf(body, id, op, saw)
            case Spawn():
                self._look_at_end(op.path, op.body, saw)
                self._not_early(op.body.name, op.delay_ms)
            case Settle():
                self.shared.settled[body.key, op.promise].append((op.path, saw))
            case Peek():
                self.shared.peeked[body.key, op.promise].append((op.path, saw))
            case Awake():
                first = f"!{digest(f'{op.path}:1')}" if op.by is By.REJECTED else f"{op.path}:1"
                self._witness.check(
                    "an awakeable is settled once", saw == first, f"{op.path} gave {saw}, it was settled with {first}"
                )
            case Signals():
                self._look_at_signals(op, saw.split(","))
            case Patience():
                if saw != TIMED_OUT:
                    self._look_at_leaf(body, id, op.part, saw)
            case All():
                self._look_at_all(body, id, op, saw)
            case First():
                winner, _, of_winner = saw.partition(":")
                self._look_at_leaf(body, id, next(part for part in op.parts if part.path == winner), of_winner)
            case Fork() | Shield() | Stumble() | Fail():
                pass  # They see nothing themselves.
            case _:
                assert_never(op)

    def _look_at_signals(self, op: Signals, notes: list[str]) -> None:
        wanted = 1
        for note in notes:
            if wanted > 1 and note == f"{op.path}:{wanted - 1}" and note in self._outsiders.repeated:
                continue
            self._witness.check("signals come in order", note == f"{op.path}:{wanted}", f"{op.path} saw {notes}")
            wanted += 1

    def _look_at_all(self, body: Body, id: str, op: All, saw: str) -> None:
        if not saw.startswith("!"):
            for part, of_part in zip(op.parts, saw.split("|"), strict=True):
                self._look_at_leaf(body, id, part, of_part)
            return
        for part in op.parts:
            try:
                self._look_at_leaf(body, id, part, saw)
            except Wrong:
                continue
            return
        raise Wrong(f"{op.path} failed as none of its parts does: {saw}")

    def _look_at_leaf(self, body: Body, id: str, op: Leaf, saw: str) -> None:
        match op:
            case Step():
                self._look_at_step(id, op, saw)
            case Sleep():
                if saw != "None":
                    raise Wrong(f"{op.path} gave {saw}")
            case Call():
                self._look_at_end(op.path, op.body, saw)
            case Send():
                self._look_at_sent(op.path, op.body, saw)
                self._not_early(op.body.name, op.delay_ms)
            case Wait():
                if saw.startswith("!"):
                    raise Wrong(f"{op.path} failed: {saw}")
                self.shared.waited[body.key, op.promise].append((op.path, saw))
            case _:
                assert_never(op)

    def _look_at_sent(self, path: str, body: Body, saw: str) -> None:
        row = self._done.get(body.name)
        if row is None or row.id != saw:
            raise Wrong(f"{path} sent {saw}, but {body.name} is {row.id if row else 'lost'}")

    def _look_at_end(self, path: str, body: Body, saw: str) -> None:
        row = self._done.get(body.name)
        if row is None:
            raise Wrong(f"{path} saw the end of {body.name}, which there is not")
        assert isinstance(row.status, Ended)
        failed, log = report_of(row.status.outcome)
        if saw != "!" * failed + digest(*log):
            raise Wrong(f"{path} saw another end of {body.name} than {log}")

    def _look_at_step(self, id: str, op: Step, saw: str) -> None:
        if saw == f"!{digest(GIVEN_UP.format(op.path))}" and self._rows.invocations[id].cancel is Cancel.JOURNALED:
            return
        executions = self._witness.steps.get((id, op.path))
        if executions is None:
            raise Wrong(f"{op.path} has a result and never ran")
        if (id, op.path) not in self._witness.acknowledged:
            raise Wrong(f"{op.path} has a result that the journal has not")
        if saw.startswith("!"):
            given_up = f"step {op.path!r} failed 2 times: StumbleError: {op.path}"
            failures = [f"{op.path}#{number}" for number in executions.finished] if op.terminal else []
            failures += [given_up] * (op.retried and op.failures > 0)
            if saw[1:] not in [digest(failure) for failure in failures]:
                raise Wrong(f"{op.path} failed with something else than {failures}")
            return
        path, _, number = saw.partition("#")
        if op.terminal or path != op.path or int(number) not in executions.finished:
            raise Wrong(f"{op.path} gave {saw}, which no execution of it did")

    def _not_early(self, body: str, delay_ms: int) -> None:
        row = self._done.get(body)
        entered_ms = self._witness.first_entered_ms.get(row.id) if row is not None else None
        if row is None or entered_ms is None or not delay_ms:
            return
        sent_ms = self._witness.first_sent_ms.get(body, row.created_at_ms)
        self._witness.check(
            "timers are never early",
            entered_ms >= sent_ms + delay_ms - self._clocks_differ_ms,
            f"{body} began {entered_ms - sent_ms} ms after it was asked for, not {delay_ms}",
        )


def _takes_its_time(op: Op) -> bool:
    """Whether a cancellation may have to wait for it."""
    return isinstance(op, Shield | Stumble) or (isinstance(op, Step) and op.hangs > 0)
