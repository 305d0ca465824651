"""What happens outside of perdure while it runs, and what must hold of it at each moment.

Steps write into the ledger, handlers say when they run, callers say what they were told. Whatever must not be is a
breach; the first one ends the run.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from tests.simulation.program import Awake, Signals, Step


class Session(Protocol):
    """Where an attempt runs."""

    def counts(self, id: str) -> bool:
        """Whether what is said here of an invocation, or an awakeable, still reaches the owner of its partition."""

    @property
    def dead(self) -> bool:
        """Whether its process is."""

    def has_aborted(self, invocation_id: str, attempt: int) -> bool:
        """Whether the node has given up an attempt here, which may not have heard of it yet."""


# Of what a breach says: rows can be long.
LONGEST = 500


@dataclass(frozen=True, slots=True)
class Breach:
    """Something that must never be."""

    checker: str
    what: str

    def __str__(self) -> str:
        return f"{self.checker}: {self.what}"


@dataclass(frozen=True, slots=True, eq=False)
class Attempt:
    """A run of a handler; ``open`` says whether its own process lets it go on."""

    invocation_id: str
    number: int
    session: Session
    open: Callable[[], bool]

    @property
    def counts(self) -> bool:
        """Whether it speaks for its invocation, as far as the partition can know."""
        return self.session.counts(self.invocation_id) and self.open()

    def collides(self, other: "Attempt") -> bool:
        """Whether both of them speak; of two sessions, one may hear later than the other what the node has said."""
        if self is other or not self.counts or not other.counts:
            return False
        return self.session is other.session or not (self.given_up or other.given_up)

    @property
    def given_up(self) -> bool:
        """Whether the node has aborted it."""
        return self.session.has_aborted(self.invocation_id, self.number)


@dataclass(frozen=True, slots=True)
class Told:
    """What a step tells the world: whom an operation waits to hear from."""

    path: str
    op: Awake | Signals
    id: str
    session: Session


@dataclass(slots=True)
class Executions:
    """All executions of one step of one invocation.

    ``seen`` is what the handler had seen when it asked for the step, the same whenever it does.
    """

    seen: str
    begun: int = 0
    finished: set[int] = field(default_factory=set)


class Witness:
    """The ledger, and the first breach."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.breaches: list[Breach] = []
        self.broken = asyncio.Event()
        self.trace: list[str] = []
        self.steps: dict[tuple[str, str], Executions] = {}
        # What the endpoint's side of each session is, and the session.
        self.sessions: dict[object, Session] = {}
        # Steps by invocation and path whose result is durable.
        self.acknowledged: set[tuple[str, str]] = set()
        self.stumbles: dict[str, int] = defaultdict(int)
        self.first_entered_ms: dict[str, int] = {}
        # When a body was first asked for, by a caller or by a message.
        self.first_sent_ms: dict[str, int] = {}
        self.checked: Counter[str] = Counter()
        self.happened: Counter[str] = Counter()
        # Somebody outside who acts on what steps tell.
        self.on_told: Callable[[Told], None] = lambda told: None
        # Attempts that run, by what only one of them may do at a time.
        self._running: dict[str, list[Attempt]] = defaultdict(list)

    def note(self, event: str) -> None:
        """Writes a line of the trace, by which two runs are compared."""
        self.trace.append(f"{self.loop.time():.6f} {event}")

    def breach(self, checker: str, what: str) -> None:
        """Something happened that must not."""
        self.note(f"BREACH {checker}: {what}")
        self.breaches.append(Breach(checker, what[:LONGEST]))
        self.broken.set()

    def check(self, checker: str, holds: bool, what: str) -> None:
        """Counts one look at something, and makes a breach of it where it does not hold."""
        self.checked[checker] += 1
        if not holds:
            self.breach(checker, what)

    # What handlers say.

    def enter(self, attempt: Attempt, body: str, key: str, now_ms: int) -> None:
        """An attempt of a body begins; ``key`` is that of the cell that it writes, or empty."""
        self.note(f"{attempt.invocation_id} does {body}")
        self.happened["attempts"] += 1
        self.first_entered_ms.setdefault(attempt.invocation_id, now_ms)
        self._run("one attempt an invocation", attempt.invocation_id, attempt)
        if key:
            self._run("one writer a key", key, attempt)

    def leave(self, attempt: Attempt, key: str) -> None:
        """An attempt of a body is over."""
        self._running[attempt.invocation_id].remove(attempt)
        if key:
            self._running[key].remove(attempt)

    def _run(self, checker: str, alone_in: str, attempt: Attempt) -> None:
        running = self._running[alone_in]
        running.append(attempt)
        colliding = [other.invocation_id for other in running if attempt.collides(other)]
        self.check(checker, not colliding, f"{alone_in} is run by {attempt.invocation_id} and {colliding} at a time")

    def stumbled(self, path: str, times: int) -> bool:
        """Whether the handler fails here once more."""
        self.stumbles[path] += 1
        return self.stumbles[path] <= times

    # What steps do.

    async def execute(self, session: Session, invocation_id: str, step: Step, seen: str) -> int:
        """One execution of a step: gives its number, or raises where it is one of those to fail."""
        name = (invocation_id, step.path)
        executions = self.steps.setdefault(name, Executions(seen))
        executions.begun += 1
        self.happened["executions of steps"] += 1
        number = executions.begun
        self.note(f"{invocation_id} executes {step.path} #{number}")
        self.check(
            "steps see what lasts",
            executions.seen == seen,
            f"{step.path} of {invocation_id} ran after the handler saw {executions.seen}, then after it saw {seen}",
        )
        if session.counts(invocation_id):
            self.check(
                "steps run until acknowledged",
                name not in self.acknowledged,
                f"{step.path} of {invocation_id} began its execution {number} after its result was durable",
            )
        if step.takes_ms:
            await asyncio.sleep(step.takes_ms / 1000)
        if session.dead or number <= step.hangs:
            await asyncio.Event().wait()
        if number > step.hangs + step.failures:
            executions.finished.add(number)
        return number

    def tell(self, told: Told) -> None:
        """A step has told the world something."""
        self.note(f"the world is told of {told.path}")
        self.on_told(told)

    def step_is_durable(self, invocation_id: str, path: str) -> None:
        """The journal has the result of a step."""
        self.acknowledged.add((invocation_id, path))
