"""Makes a failing plan smaller while it still fails: fewer errands, operations and faults, and simpler ones.

Delta debugging: halves are left out first, then smaller parts, until nothing can be left out. A smaller plan counts as
failing when the same checker finds something.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from tests.simulation.drawing import Plan
from tests.simulation.program import (
    All,
    Body,
    Burst,
    Call,
    CallOff,
    Errand,
    First,
    Fork,
    Op,
    Patience,
    Program,
    Send,
    Shield,
    Spawn,
    Step,
)
from tests.simulation.shape import ALONE, Shape
from tests.simulation.simulation import simulate

T = TypeVar("T")

# A plan that has not become smaller after so many runs is small enough.
MOST_RUNS = 3_000
# Checkers of what comes to no end.
HANGS = ("every caller is answered", "every invocation ends")
WISHES = ("delay_ms", "twice", "attaches", "patience_ms", "cancel_ms", "kill_ms", "new", "careless")


class Shrinking:
    """Tries smaller plans, and keeps the smallest that fails."""

    def __init__(self, plan: Plan, checker: str, fails: Callable[[Plan], str]) -> None:
        self.plan = plan
        self._checker = checker
        self._fails = fails
        self.runs = 0

    def run(self) -> Plan:
        """Goes on until no candidate fails any more."""
        while self.runs < MOST_RUNS and any(self._try(plan) for plan in smaller(self.plan)):
            pass
        return self.plan

    def _try(self, plan: Plan) -> bool:
        self.runs += 1
        if self._fails(plan) != self._checker:
            return False
        self.plan = plan
        return True


def first_breach(plan: Plan) -> str:
    """The checker that a plan fails, or nothing."""
    breaches = simulate(plan).breaches
    return breaches[0].checker if breaches else ""


def shrink(plan: Plan) -> Plan:
    """The smallest plan that fails as this one does."""
    checker = first_breach(plan)
    # Without whoever was to settle a promise, the rest of a program waits for ever wherever it runs: that is no bug.
    is_hang = checker in HANGS and not first_breach(in_peace(plan))
    return Shrinking(plan, checker, in_strife if is_hang else first_breach).run()


def in_peace(plan: Plan) -> Plan:
    """The plan at one node, to which nothing happens."""
    return replace(plan, faults=(), shape=ALONE)


def in_strife(plan: Plan) -> str:
    """The checker that a plan fails for what happens to it, or nothing."""
    return first_breach(plan) if not first_breach(in_peace(plan)) else ""


def smaller(plan: Plan) -> Iterator[Plan]:
    """Plans that are a little smaller, the boldest first."""
    errands = plan.program.errands
    for fewer in _without_parts(errands):
        if fewer:
            yield replace(plan, program=Program(fewer))
    for faults in _without_parts(plan.faults):
        yield replace(plan, faults=faults)
    for shape in _simpler_shapes(plan.shape):
        yield replace(plan, shape=shape)
    for number, errand in enumerate(errands):
        for simpler in _simpler_errands(errand):
            yield replace(plan, program=Program((*errands[:number], simpler, *errands[number + 1 :])))


def _without_parts(parts: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
    size = len(parts)
    while size:
        for at in range(0, len(parts), size):
            yield (*parts[:at], *parts[at + size :])
        size //= 2


def _simpler_shapes(shape: Shape) -> Iterator[Shape]:
    candidates = [
        ALONE,
        replace(shape, clocks_off_ms=(0,)),
        replace(shape, databases=1),
        replace(shape, nodes=shape.nodes - 1),
        *(replace(shape, partitions=fewer) for fewer in (1, 2, 5) if shape.databases <= fewer < shape.partitions),
    ]
    yield from (candidate for candidate in candidates if candidate != shape and candidate.nodes)


def _simpler_errands(errand: Errand) -> Iterator[Errand]:
    plain = Errand(errand.body, errand.at_ms)
    candidates = [
        plain,
        *(replace(errand, **{name: getattr(plain, name)}) for name in WISHES),
        replace(errand, at_ms=0),
    ]
    yield from (candidate for candidate in candidates if candidate != errand)
    for body in _simpler_bodies(errand.body):
        yield replace(errand, body=body)
    # A body that is called may fail on its own.
    for op in errand.body.ops:
        if isinstance(op, Call | Send | Spawn | CallOff):
            yield replace(errand, body=op.body)


def _simpler_bodies(body: Body) -> Iterator[Body]:
    for ops in _simpler_lists(body.ops):
        yield replace(body, ops=ops)


def _simpler_lists(ops: tuple[Op, ...]) -> Iterator[tuple[Op, ...]]:
    yield from _without_parts(ops)
    for number, op in enumerate(ops):
        for instead in _simpler_ops(op):
            yield (*ops[:number], *instead, *ops[number + 1 :])


def _simpler_ops(op: Op) -> Iterator[tuple[Op, ...]]:
    match op:
        case Shield():
            yield op.ops
            for ops in _simpler_lists(op.ops):
                yield (replace(op, ops=ops),)
        case Patience():
            yield (op.part,)
        case Burst():
            yield from ((replace(op, bodies=bodies),) for bodies in _without_parts(op.bodies) if bodies)
        case Call() | Send() | Spawn() | CallOff():
            for body in _simpler_bodies(op.body):
                yield (replace(op, body=body),)
        case All() | First():
            for part in op.parts:
                yield (part,)
            for number, part in enumerate(op.parts):
                for instead in _simpler_ops(part):
                    if len(instead) == 1 and isinstance(instead[0], type(part)):
                        yield (replace(op, parts=(*op.parts[:number], instead[0], *op.parts[number + 1 :])),)
        case Fork():
            yield from op.branches
            for number, branch in enumerate(op.branches):
                for ops in _simpler_lists(branch):
                    yield (replace(op, branches=(*op.branches[:number], ops, *op.branches[number + 1 :])),)
        case Step() if op != Step(op.path):
            yield (Step(op.path),)
        case _:
            pass  # As simple as it can be.
