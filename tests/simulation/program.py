"""What a simulated world does, as data: it can be drawn from a seed, printed, and made smaller.

A program is what callers outside ask for. Each of their calls has a body, and a body is a list of operations, some of
which call bodies of their own. Every body and every operation is done by one invocation only, so its path names it.
"""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


class Role(enum.Enum):
    """Which handler does a body."""

    WORK = "Worker/Work"
    CARE = "Worker/Care"
    WRITE = "Cell/Write"
    READ = "Cell/Read"
    RUN = "Flow/Run"
    TELL = "Flow/Tell"


@dataclass(frozen=True, slots=True)
class Step:
    """A side effect that fails a few times first; ``retried`` by a policy of its own, else by failing the attempt.

    ``hangs``: before that it does not come to an end so many times.
    """

    path: str
    takes_ms: int = 0
    hangs: int = 0
    failures: int = 0
    retried: bool = False
    terminal: bool = False


@dataclass(frozen=True, slots=True)
class Sleep:
    """A durable wait."""

    path: str
    ms: int


class Again(enum.Enum):
    """Whether a handler calls a second time, with the same idempotency key."""

    NEVER = ""
    MEANWHILE = " twice with one key"
    AFTERWARDS = " with a key, and once more"


@dataclass(frozen=True, slots=True)
class Call:
    """A call of another handler, and its result."""

    path: str
    body: "Body"
    again: Again = Again.NEVER


@dataclass(frozen=True, slots=True)
class Send:
    """A message to another handler."""

    path: str
    body: "Body"
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Spawn:
    """A message to another handler, and its result by attaching to it."""

    path: str
    body: "Body"
    delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class Burst:
    """Messages to one cell, one after the other."""

    path: str
    bodies: tuple["Body", ...]
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class CallOff:
    """A call that is cancelled by its caller when it takes too long, and its result."""

    path: str
    body: "Body"
    after_ms: int


@dataclass(frozen=True, slots=True)
class Wait:
    """The value of a promise of the workflow."""

    path: str
    promise: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Resolves a promise of the workflow, unless somebody has."""

    path: str
    promise: str


@dataclass(frozen=True, slots=True)
class Peek:
    """Looks at a promise of the workflow."""

    path: str
    promise: str


class By(enum.Enum):
    """Who settles an awakeable, and how."""

    OUTSIDER = "somebody outside resolves it"
    REJECTED = "somebody outside rejects it"
    ITSELF = "the handler resolves it itself"


@dataclass(frozen=True, slots=True)
class Awake:
    """An awakeable, whose id a step tells to the world, and its result."""

    path: str
    by: By
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Signals:
    """So many signals, which somebody outside sends once a step has told whom to.

    ``together``: the handler waits for all of them at once.
    """

    path: str
    count: int
    after_ms: int = 0
    together: bool = False


@dataclass(frozen=True, slots=True)
class Patience:
    """A result, or after a while none."""

    path: str
    part: "Leaf"
    ms: int


@dataclass(frozen=True, slots=True)
class Shield:
    """Operations that no cancellation breaks off."""

    path: str
    ops: tuple["Op", ...]


@dataclass(frozen=True, slots=True)
class Bump:
    """Reads the count of the cell, and writes a higher one."""

    path: str
    amount: int


@dataclass(frozen=True, slots=True)
class Look:
    """Reads the count of the cell."""

    path: str


@dataclass(frozen=True, slots=True)
class Keys:
    """Lists what is set in the state of the cell."""

    path: str


@dataclass(frozen=True, slots=True)
class Stumble:
    """Fails the attempt the first few times that the handler comes here."""

    path: str
    times: int


@dataclass(frozen=True, slots=True)
class Fail:
    """Ends the body with a terminal error."""

    path: str


@dataclass(frozen=True, slots=True)
class All:
    """Several at once, and all of their results."""

    path: str
    parts: tuple["Leaf", ...]


@dataclass(frozen=True, slots=True)
class First:
    """Several at once, and the result of the first to be done."""

    path: str
    parts: tuple["Leaf", ...]


@dataclass(frozen=True, slots=True)
class Fork:
    """Tasks of asyncio's within the handler, each with operations of its own."""

    path: str
    branches: tuple[tuple["Op", ...], ...]


Leaf: TypeAlias = Step | Sleep | Call | Send | Wait
Op: TypeAlias = (
    Leaf
    | Spawn
    | CallOff
    | Burst
    | Settle
    | Peek
    | Awake
    | Signals
    | Patience
    | Shield
    | Bump
    | Look
    | Keys
    | Stumble
    | Fail
    | All
    | First
    | Fork
)


@dataclass(frozen=True, slots=True)
class Body:
    """What one invocation does; ``key`` is that of the cell or of the flow, or empty."""

    name: str
    role: Role
    key: str
    ops: tuple[Op, ...]


@dataclass(frozen=True, slots=True)
class Errand:
    """A caller outside: calls a body until it is told the end.

    ``twice``: another one asks the same at the same time. ``patience_ms``: after it the caller hangs up and asks again.
    ``attaches``: it sends first, and asks for the end by the invocation's id. ``cancel_ms``, ``kill_ms``: somebody
    cancels or kills it so long after it was asked for. ``new``: of a workflow that it wants to be its own.
    ``careless``: it asks once, without an idempotency key, and goes away where nobody answers.
    """

    body: Body
    at_ms: int
    delay_ms: int = 0
    twice: bool = False
    attaches: bool = False
    patience_ms: int = 0
    cancel_ms: int = 0
    kill_ms: int = 0
    new: bool = False
    careless: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """All that is asked for."""

    errands: tuple[Errand, ...]

    def bodies(self) -> Iterator[Body]:
        """Every body, those that other bodies call after them."""
        for errand in self.errands:
            yield from _within(errand.body)


def _within(body: Body) -> Iterator[Body]:
    yield body
    for op in operations(body.ops):
        if isinstance(op, Call | Send | Spawn | CallOff):
            yield from _within(op.body)
        elif isinstance(op, Burst):
            for inner in op.bodies:
                yield from _within(inner)


def operations(ops: tuple[Op, ...]) -> Iterator[Op]:
    """Every operation of one body, those within others too."""
    for op in ops:
        yield op
        match op:
            case All() | First():
                yield from op.parts
            case Patience():
                yield op.part
            case Shield():
                yield from operations(op.ops)
            case Fork():
                for branch in op.branches:
                    yield from operations(branch)
            case _:
                pass  # It has no parts.


def tell(program: Program) -> str:
    """The program as people read it."""
    lines: list[str] = []
    for errand in program.errands:
        wishes = [f"at {errand.at_ms} ms"]
        wishes += [f"after {errand.delay_ms} ms"] * bool(errand.delay_ms)
        wishes += ["twice"] * errand.twice + ["by attaching"] * errand.attaches
        wishes += [f"hanging up after {errand.patience_ms} ms"] * bool(errand.patience_ms)
        wishes += ["as a new one"] * errand.new + ["once, without a key"] * errand.careless
        wishes += [f"cancelled after {errand.cancel_ms} ms"] * bool(errand.cancel_ms)
        wishes += [f"killed after {errand.kill_ms} ms"] * bool(errand.kill_ms)
        lines.append(f"a caller, {', '.join(wishes)}:")
        _tell_body(errand.body, "  ", lines)
    return "\n".join(lines)


def _tell_body(body: Body, indent: str, lines: list[str]) -> None:
    lines.append(f"{indent}{body.role.value}{f' of {body.key}' if body.key else ''} does {body.name}:")
    _tell_ops(body.ops, indent + "  ", lines)


def _tell_ops(ops: tuple[Op, ...], indent: str, lines: list[str]) -> None:
    for op in ops:
        match op:
            case CallOff():
                lines.append(f"{indent}for {op.after_ms} ms, then cancelled, call {op.path}:")
                _tell_body(op.body, indent + "  ", lines)
            case Call() | Send() | Spawn():
                how = op.again.value if isinstance(op, Call) else f" after {op.delay_ms} ms"
                lines.append(f"{indent}{type(op).__name__.lower()} {op.path}{how}:")
                _tell_body(op.body, indent + "  ", lines)
            case Burst():
                lines.append(f"{indent}burst {op.path}, {op.pause_ms} ms between:")
                for body in op.bodies:
                    _tell_body(body, indent + "  ", lines)
            case All() | First():
                lines.append(f"{indent}{type(op).__name__.lower()} {op.path} of:")
                _tell_ops(op.parts, indent + "  ", lines)
            case Patience():
                lines.append(f"{indent}for {op.ms} ms of {op.path}:")
                _tell_ops((op.part,), indent + "  ", lines)
            case Shield():
                lines.append(f"{indent}shielded {op.path}:")
                _tell_ops(op.ops, indent + "  ", lines)
            case Fork():
                for number, branch in enumerate(op.branches):
                    lines.append(f"{indent}task {number} of {op.path}:")
                    _tell_ops(branch, indent + "  ", lines)
            case _:
                lines.append(f"{indent}{op}")
