"""`perdure up --workers N`: processes that share the work and the addresses of one runtime, and who looks after them.

Each worker is a node. Their supervisor has no part in the work: it starts them, starts those again that die, and ends
them all.
"""

import asyncio
import logging
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress

import typer

from perdure_runtime.cli.directory import claim
from perdure_runtime.cli.ports import free_ports, shared_address
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.serving import announcement
from perdure_runtime.cli.worker import Assignment, Report
from perdure_runtime.config.settings import Settings

COMMAND = (sys.executable, "-m", "perdure_runtime.cli", "worker")
# A worker that dies is started again after a pause, which doubles while it does not last.
SHORTEST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
# So long it has lasted.
LASTING_S = 30.0
# A worker that was asked to end, and has not after so long, is killed.
GOODBYE_S = 30.0

log = logging.getLogger(__name__)


def run(settings: Settings) -> None:
    """Serves until a signal comes. Raises Problem where it cannot begin."""
    if not settings.storage.urls:
        claim(settings.storage.data, settings.cluster.workers)
    with (
        shared_address("--ingress", settings.ingress.listen) as ingress,
        shared_address("--admin", settings.admin.listen) as admin,
    ):
        # What the system chose for us all the workers share.
        shared = settings.listening_on(ingress, admin)
        peers = _peers(settings)
        workers = [Worker(Assignment(shared, number, peers)) for number in range(settings.cluster.workers)]
        run_process(lambda stop: _supervise(workers, shared, stop), settings.logs)


class Worker:
    """One worker, and the process that it is at the moment."""

    def __init__(self, assignment: Assignment, command: Sequence[str] = COMMAND) -> None:
        self._assignment = assignment
        self._command = command
        self._process: Process | None = None

    async def start(self) -> Report:
        """Starts a process, and waits until it could open its doors. Raises Problem."""
        process = self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            # A terminal interrupts all that is in its foreground: it is for us to end workers, in one way.
            start_new_session=True,
        )
        return await self._answer(process, pickle.dumps(self._assignment))

    async def open(self) -> Report:
        """Lets callers in. Raises Problem."""
        assert self._process is not None
        return await self._answer(self._process, b"\n")

    async def keep(self) -> None:
        """Starts it again whenever it dies."""
        clock = asyncio.get_running_loop().time
        pause_s = SHORTEST_PAUSE_S
        why = await self._death()
        while True:
            log.warning("worker %d is started again in %g s: %s", self._assignment.number, pause_s, why)
            await asyncio.sleep(pause_s)
            born = clock()
            try:
                await self.start()
                await self.open()
                why = await self._death()
            except Problem as problem:
                why = str(problem)
            pause_s = SHORTEST_PAUSE_S if clock() - born >= LASTING_S else min(2 * pause_s, LONGEST_PAUSE_S)

    async def end(self) -> None:
        """Asks it to end, and waits until it has."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GOODBYE_S)
        except TimeoutError:
            log.warning("worker %d has not ended within %g s, and is killed", self._assignment.number, GOODBYE_S)
            process.kill()
            await process.wait()

    async def _answer(self, process: Process, said: bytes) -> Report:
        assert process.stdin is not None
        process.stdin.write(said)
        report = await _next_report(process)
        if not report.place:
            await process.wait()
            raise Problem(report.problem or "a worker ended before it served; see what it said above", exit_code=1)
        return report

    async def _death(self) -> str:
        """Waits until the process that runs has ended; why it did."""
        process = self._process
        assert process is not None
        report = await _next_report(process)
        code = await process.wait()
        return report.problem or (f"signal {-code} ended it" if code < 0 else f"it ended with exit code {code}")


async def _supervise(workers: list[Worker], settings: Settings, stop: asyncio.Event) -> None:
    try:
        await first(stop.wait(), _start(workers, settings))
        if not stop.is_set():
            await first(stop.wait(), *(worker.keep() for worker in workers))
    finally:
        await asyncio.gather(*(worker.end() for worker in workers))


async def _start(workers: list[Worker], settings: Settings) -> None:
    # The first one makes what they share: the tables of a database, or the file with the deployments.
    await workers[0].start()
    await asyncio.gather(*(worker.start() for worker in workers[1:]))
    # Who finds one door open finds all.
    reports = await asyncio.gather(*(worker.open() for worker in workers))
    ingress, admin = (f"{host}:{port}" for host, port in (settings.ingress.listen, settings.admin.listen))
    typer.echo(announcement(ingress, admin, reports[0].place))
    for report in reports:
        typer.echo(f"  {report.name}")


def _peers(settings: Settings) -> tuple[tuple[str, int], ...]:
    """Where the workers listen for each other."""
    (host, port), workers = settings.cluster.peer, settings.cluster.workers
    if port:
        return tuple((host, port + number) for number in range(workers))
    # Workers with files of their own must know each other's before they start; those of a database tell it.
    ports = [0] * workers if settings.storage.urls else free_ports(host, workers)
    return tuple((host, port) for port in ports)


async def _next_report(process: Process) -> Report:
    assert process.stdout is not None
    return Report.read(await process.stdout.readline())
