"""The history of a run: every call that was made, every answer, every fault, and what was there at the end.

It is written as lines of JSON while the run goes on, and it is all that the checker reads beside the ledger.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Call:
    """A call by its idempotency key: when it was first made, when it was answered, and after how many tries.

    ``ended_s`` is 0 where it never was. Moments are seconds of the machine's monotonic clock.
    """

    id: str
    began_s: float
    ended_s: float = 0.0
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Worked:
    """A call of two steps was answered."""

    call: Call
    first_run: str
    second_run: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter was raised to a value, by an attempt."""

    call: Call
    counter: str
    value: int
    attempt: str
    # Whether this caller measures how long its counter is away.
    probe: bool = False


@dataclass(frozen=True, slots=True)
class Transferred:
    """An amount went from one account to another."""

    call: Call
    source: str
    target: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posted:
    """Letters were accepted for boxes: one each, by the id of the letter. They come no earlier than ``due_ms``."""

    call: Call
    letters: dict[str, str]
    due_ms: int


@dataclass(frozen=True, slots=True)
class Approved:
    """Somebody tried to approve an errand, and was the first or not."""

    call: Call
    errand: str
    by: str
    first: bool


@dataclass(frozen=True, slots=True)
class Finished:
    """An errand has ended."""

    call: Call
    errand: str
    approved_by: str
    asked_ms: int
    slept_ms: int
    run: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A call got no answer until the bound after the last fault: it hangs."""

    call: Call
    what: str
    error: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A call ended with an error that its handler does not raise."""

    call: Call
    what: str
    error: str


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the cluster, and when it was healed."""

    kind: str
    target: str
    began_s: float
    healed_s: float


@dataclass(frozen=True, slots=True)
class Count:
    """What a counter holds at the end."""

    counter: str
    value: int


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account holds at the end."""

    account: str
    amount: int


@dataclass(frozen=True, slots=True)
class Box:
    """What is in a box at the end: id and moment of arrival of each letter."""

    box: str
    letters: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Span:
    """The part of the run in which the load was on and faults came."""

    began_s: float
    ended_s: float


Answer = Worked | Counted | Transferred | Posted | Approved | Finished
Failure = Unanswered | Refused
Final = Count | Balance | Box
Event = Answer | Failure | Final | Fault | Span
KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        *(Worked, Counted, Transferred, Posted, Approved, Finished),
        *(Unanswered, Refused, Count, Balance, Box, Fault, Span),
    )
}


def to_line(event: Event) -> str:
    """An event as one line of JSON."""
    return json.dumps({"event": type(event).__name__, **asdict(event)})


def from_line(line: str) -> Event:
    """The event of a line."""
    fields = json.loads(line)
    if "call" in fields:
        fields["call"] = Call(**fields["call"])
    if "letters" in fields and isinstance(fields["letters"], list):
        fields["letters"] = [(letter, arrived_ms) for letter, arrived_ms in fields["letters"]]
    return KINDS[fields.pop("event")](**fields)


def read(path: Path) -> Iterator[Event]:
    """All events of a file, in order."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield from_line(line)


class Recorder:
    """Keeps what happens, in memory for the checker and in a file for people."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self.events: list[Event] = []

    def add(self, event: Event) -> None:
        """Something happened."""
        self.events.append(event)
        self._file.write(to_line(event) + "\n")

    def close(self) -> None:
        """Nothing happens any more."""
        self._file.close()
