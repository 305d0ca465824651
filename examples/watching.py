"""Watching the ledger, as tests do that wait for an effect."""

import time

from examples import ledger

TIMEOUT_S = 30.0


def wait_for_line(about: str, start: str) -> str:
    """Waits until the ledger has a line about something that starts so, and gives the line.

    Raises:
        TimeoutError: There is none; the message has what there is.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        lines = ledger.read(about)
        for line in lines:
            if line.startswith(start):
                return line
        if time.monotonic() > deadline:
            raise TimeoutError(f"no line {start!r} about {about!r} after {TIMEOUT_S:g} s, only {lines}")
        time.sleep(0.01)  # The ledger is a file: nothing tells when it grows.
