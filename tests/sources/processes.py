"""Nodes as processes that tests kill, and what their handlers have come to, read of the node's own file."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perdure_runtime.storage.sqlite import SqliteSurvey
from perdure_runtime.storage.views import STATE, Condition, Operator
from trial.v1 import CounterState

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0


class Child:
    """A node that is started, killed and started again on the same data."""

    def __init__(self, data: Path, subscriptions: list[dict[str, Any]], schedules: list[dict[str, Any]]) -> None:
        self.data = data
        self._arguments = [str(data), json.dumps(subscriptions), json.dumps(schedules)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it; it may not be up yet."""
        with (self.data / "child.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.sources.child", *self._arguments],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """Kills it, and waits until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def log(self) -> str:
        """What it has said."""
        return (self.data / "child.log").read_text()

    def told(self) -> dict[str, list[str]]:
        """What each counter was told, in order."""
        if not (self.data / "perdure.db").exists():
            return {}
        survey = SqliteSurvey(self.data / "perdure.db")
        names = Condition("name", Operator.EQUAL, ("last_reason",))
        rows = survey.scan(STATE, (names,), None, 10_000)
        found: dict[str, list[str]] = {}
        for row in rows:
            key, value = row[STATE.place("key")], row[STATE.place("value")]
            assert isinstance(key, str)
            assert isinstance(value, bytes)
            found[key] = CounterState().parse(value).last_reason.split()
        return found

    def until(self, done: Callable[[dict[str, list[str]]], bool]) -> dict[str, list[str]]:
        """Waits until the counters were told so."""
        deadline = time.monotonic() + PATIENCE_S
        while not done(told := self.told()):
            assert time.monotonic() < deadline, f"{told}\n{self.log()[-5_000:]}"
            assert self._process is None or self._process.poll() is None, self.log()[-5_000:]
            time.sleep(0.02)
        return told


def count(told: dict[str, list[str]]) -> int:
    """How often anything was told."""
    return sum(map(len, told.values()))


def has_been_told(least: int, told: dict[str, list[str]]) -> bool:
    """Whether so much was told."""
    return count(told) >= least
