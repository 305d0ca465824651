"""A history in which all is well, small enough to see through, for tests that then break it."""

from chaos.history import (
    Approved,
    Balance,
    Box,
    Call,
    Count,
    Counted,
    Event,
    Finished,
    Posted,
    Transferred,
    Worked,
)
from chaos.ledger import Entered, Left, Line, Ran


def call(id: str, began_s: float = 0.0, ended_s: float = 1.0) -> Call:
    """A call that was answered at once."""
    return Call(id, began_s, ended_s)


def add(id: str, value: int, at_s: float) -> Counted:
    """A call that raised the counter ``c``, in the half second after a moment, by the attempt of its own name."""
    return Counted(call(id, at_s, at_s + 0.5), "c", value, f"attempt-{id}")


def stay(id: str, entered_s: float, left_s: float, attempt: str = "") -> list[Line]:
    """An attempt of a call was in the counter ``c`` for some time."""
    attempt = attempt or f"attempt-{id}"
    return [Entered("c", id, attempt, entered_s), Left(attempt, left_s)]


def events() -> list[Event]:
    """One call of each kind, and two at the counter."""
    return [
        Worked(call("w-1"), "run-1", "run-2"),
        add("a-1", 1, at_s=1.0),
        add("a-2", 2, at_s=2.0),
        Transferred(call("t-1"), "x", "y", 5),
        Posted(call("p-1"), {"p-1": "box"}, due_ms=1_000),
        Approved(call("e-1-ann"), "e-1", "e-1-ann", first=True),
        Approved(call("e-1-bob"), "e-1", "e-1-bob", first=False),
        Finished(call("e-1"), "e-1", "e-1-ann", asked_ms=100, slept_ms=120, run="run-3"),
        Count("c", 2),
        Balance("x", -5),
        Balance("y", 5),
        Box("box", [("p-1", 1_030)]),
    ]


def ledger() -> list[Line]:
    """What the handlers of these calls wrote."""
    return [
        Ran("w-1/first", "run-1"),
        Ran("w-1/second", "run-2"),
        Ran("e-1", "run-3"),
        *stay("a-1", 1.1, 1.2),
        *stay("a-2", 2.1, 2.2),
    ]
