"""What the outside world saw: every side effect of the examples writes one line here, at once and for good."""

import os
from pathlib import Path


def path() -> Path:
    """Where the ledger is: $PERDURE_LEDGER, or ledger.txt."""
    return Path(os.environ.get("PERDURE_LEDGER", "ledger.txt"))


def write(about: str, what: str) -> None:
    """Adds a line; when this returns it survives a power cut."""
    with path().open("a", encoding="utf-8") as ledger:
        ledger.write(f"{about}: {what}\n")
        ledger.flush()
        os.fsync(ledger.fileno())


def read(about: str) -> list[str]:
    """All lines about something, in order."""
    if not path().exists():
        return []
    prefix = f"{about}: "
    lines = path().read_text(encoding="utf-8").splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
