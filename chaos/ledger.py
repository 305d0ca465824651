"""The ledger: a line for everything that handlers do to the world outside, written by all endpoint processes.

A line is written by one call of the system, so lines do not mix, and no SIGKILL takes back what is written.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

VARIABLE = "CHAOS_LEDGER"


@dataclass(frozen=True, slots=True)
class Ran:
    """A step was executed, and drew ``run``."""

    step: str
    run: str


@dataclass(frozen=True, slots=True)
class Entered:
    """An attempt of a call came into the handler that is the one writer of its counter."""

    counter: str
    call: str
    attempt: str
    at_s: float


@dataclass(frozen=True, slots=True)
class Left:
    """The attempt is done with the counter."""

    attempt: str
    at_s: float


Line = Ran | Entered | Left
KINDS: dict[str, type[Line]] = {kind.__name__: kind for kind in (Ran, Entered, Left)}


def moment_s() -> float:
    """Now, by the one clock that all processes of this machine share and nobody sets."""
    return time.monotonic()


def write(line: Line) -> None:
    """Adds a line to the ledger that the environment names."""
    said = json.dumps({"kind": type(line).__name__, **asdict(line)}) + "\n"
    ledger = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(ledger, said.encode())
    finally:
        os.close(ledger)


def read(path: Path) -> Iterator[Line]:
    """All lines, in the order in which they were written."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for said in lines:
            fields = json.loads(said)
            yield KINDS[fields.pop("kind")](**fields)
