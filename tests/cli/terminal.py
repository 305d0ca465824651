"""A terminal with the command in it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

from tests.cli.command import ROOT

NO_MORE = b""


def in_terminal(columns: int, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    """What a terminal of so many columns gets when the command runs in it."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    # What CI sets would make the terminal a poorer one.
    plain = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    process = subprocess.Popen(
        [sys.executable, "-m", "perdure_runtime.cli", *arguments],
        cwd=ROOT,
        env={**plain, "TERM": "xterm-256color", **(environment or {})},
        stdin=inside,
        stdout=inside,
        stderr=inside,
    )
    os.close(inside)
    shown = b"".join(iter(lambda: _read(screen), NO_MORE))
    os.close(screen)
    process.wait(timeout=60)
    return shown.decode()


def _read(screen: int) -> bytes:
    try:
        return os.read(screen, 65_536)
    except OSError:
        # A terminal that nobody writes to any more has no end of file.
        return NO_MORE
