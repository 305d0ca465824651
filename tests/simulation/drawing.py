"""Draws a program and its faults from a seed."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import assert_never

from perdure_runtime.partition.lifecycle.begin import EAGER_BYTES

from tests.simulation.faults import Fault, Kind
from tests.simulation.program import (
    Again,
    All,
    Awake,
    Body,
    Bump,
    Burst,
    By,
    Call,
    CallOff,
    Errand,
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
)
from tests.simulation.shape import ALONE, Shape, draw_shape

PROMISES = ("first", "second")
# Handlers that hold a cell call cells after it only, so that no two wait for each other.
CELLS = ("a", "b", "c")
ENDPOINTS = ("workers", "objects")
# Faults strike while the program runs; after that all must come to an end.
STRIKE_WITHIN_MS = 1_500
DEEPEST = 3
# Only nodes that share what there is can lose it by these.
OF_CLUSTERS = (
    Kind.NODE_JOINS,
    Kind.NODE_DRAINED,
    Kind.NODE_CRASH_BEFORE_MESSAGES,
    Kind.NODE_FROZEN,
    Kind.PEERS_CUT,
    Kind.PEERS_SILENT,
    Kind.DATABASE_CUT,
    Kind.DATABASE_AWAY,
    Kind.MESSAGES_TWICE,
)
# What is lost with a batch is the hardest to get right: it is lost more often than it would be.
KINDS = (*Kind, *(Kind.COMMITS_FAIL, Kind.NODE_CRASH_IN_COMMIT) * 2)
KINDS_ALONE = tuple(kind for kind in KINDS if kind not in OF_CLUSTERS)
KINDS_OF_CLUSTERS = (
    *(kind for kind in KINDS if kind is not Kind.TAKEOVER),
    *(Kind.NODE_FROZEN, Kind.NODE_DRAINED, Kind.NODE_CRASH_BEFORE_MESSAGES) * 2,
)
# So much is asked for in all: a seed must stay cheap.
MOST_OPS = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run depends on."""

    seed: int
    program: Program
    faults: tuple[Fault, ...]
    # State up to this size travels with each attempt, the rest is read by commands.
    eager_bytes: int = EAGER_BYTES
    shape: Shape = ALONE


def draw(seed: int) -> Plan:
    """The plan of a seed."""
    program = Drawing(Random(f"{seed}/program")).program()
    shape = draw_shape(Random(f"{seed}/shape"))
    return Plan(
        seed, program, draw_faults(Random(f"{seed}/faults"), shape.alone), EAGER_BYTES if seed % 4 else 0, shape
    )


def draw_faults(random: Random, alone: bool) -> tuple[Fault, ...]:
    """Some faults, in order of time; a few seeds get none."""
    faults: list[Fault] = []
    for _ in range(random.choice((0, 1, 2, 3, 4, 5, 6, 8))):
        kind = random.choice(KINDS_ALONE if alone else KINDS_OF_CLUSTERS)
        at_us = random.randrange(STRIKE_WITHIN_MS * 1000)
        match kind:
            case Kind.LINK_CUT | Kind.LINK_HALF_CUT:
                fault = Fault(at_us, kind, random.choice(ENDPOINTS), lasts_ms=random.choice((1, 5, 30)))
            case Kind.LINK_STALLED:
                fault = Fault(at_us, kind, random.choice(ENDPOINTS), lasts_ms=random.choice((20, 100)))
            case Kind.ENDPOINT_CRASH:
                fault = Fault(at_us, kind, random.choice(ENDPOINTS), lasts_ms=random.choice((1, 30, 300)))
            case Kind.DEPLOYED:
                fault = Fault(at_us, kind, random.choice(ENDPOINTS))
            case Kind.NODE_CRASH | Kind.NODE_STOP | Kind.NODE_DRAINED | Kind.NODE_JOINS:
                fault = Fault(at_us, kind, lasts_ms=random.choice((1, 30, 300)), count=random.randrange(3))
            case Kind.NODE_CRASH_IN_COMMIT:
                fault = Fault(at_us, kind, lasts_ms=random.choice((5, 30, 60)), count=random.randrange(3))
            case Kind.NODE_CRASH_BEFORE_MESSAGES:
                fault = Fault(at_us // 3, kind, lasts_ms=random.choice((50, 200)))
            case Kind.NODE_FROZEN | Kind.PEERS_CUT | Kind.PEERS_SILENT | Kind.DATABASE_CUT | Kind.DATABASE_AWAY:
                # For less than a lease, or for long enough to be replaced.
                fault = Fault(at_us, kind, lasts_ms=random.choice((20, 200, 900, 2_500)), count=random.randrange(3))
            case Kind.ENDPOINTS_CUT:
                fault = Fault(at_us, kind, lasts_ms=random.choice((1, 30)), count=random.randrange(3))
            case Kind.TAKEOVER:
                fault = Fault(at_us, kind, lasts_ms=random.choice((20, 200, 1000)))
            case Kind.COMMITS_FAIL:
                fault = Fault(at_us, kind, lasts_ms=random.choice((0, 5, 40)), count=random.choice((1, 1, 2, 3)))
            case Kind.READS_FAIL | Kind.TIMER_TWICE | Kind.LATE_WORDS | Kind.MESSAGES_TWICE:
                fault = Fault(at_us, kind, count=random.choice((1, 1, 2, 3, 10)))
            case Kind.DISK_SLOW:
                fault = Fault(at_us, kind, lasts_ms=random.choice((20, 200, 600)), count=random.choice((1, 3)))
            case Kind.PAUSED:
                fault = Fault(at_us, kind, lasts_ms=random.choice((5, 100)), count=random.randrange(10))
            case Kind.CLOCK_JUMP:
                fault = Fault(at_us, kind, lasts_ms=random.choice((10, 500, 60_000)))
        faults.append(fault)
    return tuple(sorted(faults, key=lambda fault: fault.at_us))


class Drawing:
    """Draws bodies; names count up, so every path is its own."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._names = 0
        self._left = MOST_OPS

    def program(self) -> Program:
        """A few errands, in no order."""
        errands: list[Errand] = []
        for _ in range(self._random.randint(2, 6)):
            if self._left <= 0:
                break
            if self._random.random() < 0.2:
                errands += self._flow()
                continue
            errand = self._errand(self._body(0, floor=0))
            # Whoever cancels or kills what was never made would wait for it for ever.
            careless = Errand(errand.body, errand.at_ms, errand.delay_ms, careless=True)
            errands.append(careless if self._random.random() < 0.15 else errand)
        return Program(tuple(errands))

    def _errand(self, body: Body) -> Errand:
        random = self._random
        return Errand(
            body=body,
            # Most come at once, some when partitions have moved.
            at_ms=random.randrange(random.choice((400, 400, 1_600))),
            delay_ms=random.choice((0, 0, 0, 30, 300)),
            twice=random.random() < 0.2,
            attaches=random.random() < 0.3,
            new=body.role is Role.RUN and random.random() < 0.3,
            patience_ms=random.choice((0, 0, 0, 20, 200)),
            cancel_ms=random.choice((0, 0, 0, 3, 50, 200, 700)),
            kill_ms=random.choice((0,) * 12 + (3, 50, 200)),
        )

    def _flow(self) -> list[Errand]:
        """The run of a workflow, and who settles its promises."""
        random = self._random
        key = self._name("flow")
        run = self._errand(Body(self._name("body"), Role.RUN, key, self._ops(random.choice((1, 2, 3)), 1, 0, Role.RUN)))
        errands = [run]
        for promise in PROMISES:
            for _ in range(random.choice((1, 1, 2))):
                # It settles the promise before anything can go wrong with it: the run may wait for that.
                settle = Settle(self._name("settle"), promise)
                ops = (settle, *self._ops(random.choice((0, 1)), 1, 0, Role.TELL))
                tell = self._errand(Body(self._name("body"), Role.TELL, key, ops))
                errands.append(replace(tell, cancel_ms=0, kill_ms=0))
        return errands

    def _body(self, depth: int, floor: int) -> Body:
        random = self._random
        name = self._name("body")
        role = random.choice(
            (Role.WORK, Role.WORK, Role.CARE, Role.WRITE, Role.WRITE, Role.WRITE, Role.READ, Role.READ)
        )
        cells = CELLS if role is Role.READ else CELLS[floor:]
        if not cells:
            role = Role.WORK
        key = random.choice(cells) if role in (Role.WRITE, Role.READ) else ""
        if role is Role.WRITE:
            floor = CELLS.index(key) + 1
        if random.random() < 0.15:
            return Body(name, role, key, self._pipeline())
        return Body(name, role, key, self._ops(random.choice((1, 2, 2, 3, 4)), depth, floor, role))

    def _pipeline(self) -> tuple[Op, ...]:
        """Steps in a row, each of which depends on the one before."""
        length = self._random.choice((3, 4, 6))
        self._left -= length
        return tuple(Step(self._name("step")) for _ in range(length))

    def _ops(self, count: int, depth: int, floor: int, role: Role) -> tuple[Op, ...]:
        return tuple(self._op(depth, floor, role) for _ in range(count))

    def _op(self, depth: int, floor: int, role: Role) -> Op:
        random = self._random
        self._left -= 1
        own = self._own_op(role) if random.random() < 0.4 else None
        if own is not None:
            return own
        if self._left <= 0 or random.random() < 0.6:
            return self._leaf(depth, floor, role)
        in_fork = depth > DEEPEST
        draws = (
            self._failing(in_fork),
            lambda: self._fork(depth, floor),
            lambda: All(self._name("all"), self._leaves(depth, floor, role)),
            lambda: First(self._name("first"), self._leaves(depth, floor, role)),
            lambda: Patience(self._name("patience"), self._leaf(depth, floor, role), random.choice((0, 5, 60))),
            lambda: self._spawn(depth, floor, role),
            lambda: self._call_off(depth, floor, role),
            lambda: self._burst(),
            lambda: self._awake(),
            lambda: self._signals(),
            lambda: Shield(self._name("shield"), self._ops(random.choice((1, 2)), depth, floor, role)),
            lambda: self._fork(depth, floor),
        )
        return random.choice(draws)()

    def _own_op(self, role: Role) -> Op | None:
        """What only handlers of this role can do."""
        random = self._random
        match role:
            case Role.WORK | Role.CARE:
                return None
            case Role.WRITE:
                if random.random() < 0.8:
                    return Bump(self._name("bump"), random.choice((1, 10, 100)))
                return self._look()
            case Role.READ:
                return self._look()
            case Role.RUN | Role.TELL:
                kind = random.choice((Wait, Wait, Peek, Settle))
                return kind(self._name(kind.__name__.lower()), random.choice(PROMISES))
            case _:
                assert_never(role)

    def _look(self) -> Op:
        return Look(self._name("look")) if self._random.random() < 0.6 else Keys(self._name("keys"))

    def _burst(self) -> Op:
        random = self._random
        # A long one goes on while the cell has no owner.
        key, count = random.choice(CELLS), random.choice((2, 3, 8))
        self._left -= count
        bodies = tuple(Body(self._name("body"), Role.WRITE, key, (Bump(self._name("bump"), 1),)) for _ in range(count))
        return Burst(self._name("burst"), bodies, random.choice((0, 0, 50, 150)))

    def _failing(self, in_fork: bool) -> Callable[[], Op]:
        random = self._random
        # A task that stumbles would let the others ask first the next time: no replay of a program that is no program.
        if in_fork or random.random() < 0.4:
            return lambda: Fail(self._name("fail"))
        return lambda: Stumble(self._name("stumble"), random.choice((1, 2)))

    def _fork(self, depth: int, floor: int) -> Op:
        inner = max(depth, DEEPEST) + 1
        if inner > DEEPEST + 2:
            return self._leaf(depth, floor, Role.WORK)
        branches = tuple(self._ops(self._random.choice((1, 2)), inner, floor, Role.WORK) for _ in range(2))
        return Fork(self._name("fork"), branches)

    def _awake(self) -> Op:
        return Awake(self._name("awake"), self._random.choice(list(By)), self._random.choice((0, 3, 100)))

    def _signals(self) -> Op:
        random = self._random
        together = random.random() < 0.5
        return Signals(self._name("signals"), random.choice((1, 2, 3)), random.choice((0, 3, 100)), together)

    def _spawn(self, depth: int, floor: int, role: Role) -> Op:
        if depth >= DEEPEST:
            return self._leaf(depth, floor, role)
        return Spawn(self._name("spawn"), self._body(depth + 1, floor), self._random.choice((0, 0, 30)))

    def _call_off(self, depth: int, floor: int, role: Role) -> Op:
        if depth >= DEEPEST:
            return self._leaf(depth, floor, role)
        return CallOff(self._name("call-off"), self._body(depth + 1, floor), self._random.choice((0, 10, 60)))

    def _leaves(self, depth: int, floor: int, role: Role) -> tuple[Leaf, ...]:
        return tuple(self._leaf(depth, floor, role) for _ in range(self._random.choice((2, 2, 3))))

    def _leaf(self, depth: int, floor: int, role: Role) -> Leaf:
        random = self._random
        self._left -= 1
        kind = random.random()
        if role in (Role.RUN, Role.TELL) and kind < 0.2:
            return Wait(self._name("wait"), random.choice(PROMISES))
        if kind < 0.5 or self._left <= 0:
            return Step(
                self._name("step"),
                takes_ms=random.choice((0, 0, 3, 40)),
                hangs=int(random.random() < 0.03),
                failures=random.choice((0, 0, 0, 1, 2)),
                retried=random.random() < 0.5,
                terminal=random.random() < 0.1,
            )
        if kind < 0.68 or depth >= DEEPEST:
            return Sleep(self._name("sleep"), random.choice((0, 1, 20, 100, 600)))
        if kind < 0.87:
            again = random.choice((Again.NEVER, Again.NEVER, Again.NEVER, Again.MEANWHILE, Again.AFTERWARDS))
            return Call(self._name("call"), self._body(depth + 1, floor), again)
        # Nobody waits for a message: what it starts may take any cell.
        return Send(self._name("send"), self._body(depth + 1, 0), delay_ms=random.choice((0, 0, 15, 250)))

    def _name(self, what: str) -> str:
        self._names += 1
        return f"{what}-{self._names}"
