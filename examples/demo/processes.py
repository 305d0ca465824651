"""The processes of the demo: started, killed and started again on the same address."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 30.0


class Died(Exception):
    """A process ended although nobody killed it; the message has what it said."""


def free_port() -> int:
    """A loopback port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Service:
    """One process of ours, and the port that tells when it is up."""

    name: str
    arguments: list[str]
    port: int
    log: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: Path = ROOT
    profile: Path | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """Process id. Raises RuntimeError where it does not run."""
        if self.process is None:
            raise RuntimeError(f"{self.name} does not run")
        return self.process.pid

    def start(self) -> int:
        """Starts the process, waits until it listens, and returns its pid."""
        profiler = ["-m", "cProfile", "-o", str(self.profile)] if self.profile is not None else []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *profiler, "-m", "perdure_runtime.cli", *self.arguments],
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._listens():
            if self.process.poll() is not None:
                raise Died(f"{self.name} ended with code {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
            if time.monotonic() > deadline:
                raise Died(f"{self.name} does not listen on port {self.port}:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)
        return self.process.pid

    def kill(self) -> int:
        """SIGKILL: the process gets no chance to say goodbye. Returns the pid that it had."""
        pid = self.pid
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None
        return pid

    def stop(self) -> None:
        """Ends the process, if it runs."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
