"""The `perdure` command as a process, run to its end."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def perdure(*arguments: str, cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":
    """Runs the command to its end."""
    command = [sys.executable, "-m", "perdure_runtime.cli", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


def sentence(ran: "subprocess.CompletedProcess[str]") -> str:
    """The one line that a command ended with, for what its user can mend."""
    assert ran.returncode == 2, ran.stderr
    (line,) = ran.stderr.splitlines()
    return line
