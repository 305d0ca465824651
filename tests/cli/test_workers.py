"""Who looks after workers: what it does with those that cannot start, that die, and that do not want to end."""

import asyncio
import logging
import sys
from pathlib import Path

import pytest
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.worker import Assignment
from perdure_runtime.cli.workers import Worker
from perdure_runtime.config.settings import Settings

from tests.conformance.operator_desk import eventually

SETTINGS = Settings()
# It starts, and opens its doors when it is told to.
SERVE = """
import os, pickle, sys
def say():
    print('{"place": "here"}', flush=True)
pickle.load(sys.stdin.buffer)
say()
sys.stdin.buffer.read(1)
say()
"""


def worker(program: str) -> Worker:
    """One whose process runs a program of the test."""
    return Worker(Assignment(SETTINGS, 0, (("127.0.0.1", 0),) * 2), (sys.executable, "-c", program))


def test_a_worker_that_cannot_start_says_why() -> None:
    refusing = worker("""print('{"problem": "the port is taken"}')""")
    with pytest.raises(Problem, match=r"^the port is taken$") as raised:
        asyncio.run(refusing.start())
    assert raised.value.exit_code == 1


def test_a_worker_that_ends_without_a_word_did_not_start() -> None:
    with pytest.raises(Problem, match="a worker ended before it served"):
        asyncio.run(worker("pass").start())


def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    note = f"print(os.getpid(), file=open({str(pids)!r}, 'a'), flush=True)"
    # The first two die at once, the third stays.
    fate = f"sys.exit(3) if len(open({str(pids)!r}).readlines()) < 3 else sys.stdin.buffer.read()"

    async def live() -> None:
        dying = worker(f"{SERVE}\n{note}\n{fate}")
        await dying.start()
        await dying.open()
        keeping = asyncio.create_task(dying.keep())
        assert await asyncio.to_thread(eventually, lambda: pids.exists() and len(pids.read_text().split()) == 3)
        keeping.cancel()
        await dying.end()

    asyncio.run(asyncio.wait_for(live(), 20))
    assert len(set(pids.read_text().split())) == 3


def test_a_death_is_told_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    async def live() -> None:
        dying = worker(f"{SERVE}\nos.kill(os.getpid(), 9)")
        await dying.start()
        await dying.open()
        keeping = asyncio.create_task(dying.keep())
        assert await asyncio.to_thread(eventually, lambda: bool(caplog.messages))
        keeping.cancel()
        await dying.end()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(live(), 20))
    assert caplog.messages[0] == "worker 0 is started again in 0.1 s: signal 9 ended it"


def test_a_worker_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure_runtime.cli.workers.GOODBYE_S", 0.2)

    async def live() -> None:
        stubborn = worker(f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SERVE}\nsys.stdin.read()")
        await stubborn.start()
        await stubborn.open()
        await stubborn.end()

    asyncio.run(asyncio.wait_for(live(), 20))
