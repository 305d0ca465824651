"""Load over JSON and HTTP/1.1, by wrk: an asyncio client would be the bottleneck before the server is."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

_UNITS_MS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
_LATENCY = re.compile(r"^\s+(50|99)%\s+([\d.]+)(us|ms|s|m)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Measured:
    """One workload: calls answered well in the time, and how long they took."""

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


class LoadFailed(Exception):
    """Some calls were not answered well, so that nothing was measured."""


def run_wrk(address: str, seconds: float, *, method: str, callers: int, body: str) -> Measured:
    """Posts ``body``, a Lua expression for a JSON text, to a method with so many callers. Raises LoadFailed."""
    wrk = shutil.which("wrk")
    if wrk is None:
        raise LoadFailed("wrk is not installed: apt-get install wrk")
    script = Path(__file__).with_name("post.lua")
    command = [
        wrk,
        "-t1",
        f"-c{callers}",
        f"-d{max(1, round(seconds))}s",
        "--timeout",
        "30s",
        "--latency",
        "-s",
        str(script),
    ]
    command += [f"http://{address}/{method}", "--", body]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    total = re.search(r"(\d+) requests in ([\d.]+)s", ran.stdout)
    if ran.returncode != 0 or total is None:
        raise LoadFailed(ran.stdout + ran.stderr)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise LoadFailed(ran.stdout)
    if int(total[1]) == 0:
        raise LoadFailed(f"no call was answered:\n{ran.stdout}")
    latency = {percent: float(value) * _UNITS_MS[unit] for percent, value, unit in _LATENCY.findall(ran.stdout)}
    return Measured(int(total[1]), float(total[2]), latency["50"], latency["99"])


def run_wrks(addresses: Sequence[str], seconds: float, *, method: str, callers: int, body: str) -> Measured:
    """The same with a process for each address, which share the callers. Raises LoadFailed.

    The median of the whole lies close to the mean of theirs; of the slowest calls the worst are told.
    """
    share = callers // len(addresses)
    with ThreadPoolExecutor(len(addresses)) as threads:
        parts = list(
            threads.map(lambda address: run_wrk(address, seconds, method=method, callers=share, body=body), addresses)
        )
    p50 = sum(part.p50_ms for part in parts) / len(parts)
    return Measured(
        sum(part.calls for part in parts), max(part.seconds for part in parts), p50, max(part.p99_ms for part in parts)
    )
