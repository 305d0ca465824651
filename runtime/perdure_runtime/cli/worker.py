"""One of several worker processes: what its supervisor tells it at the start, and what it answers.

The supervisor writes an ``Assignment`` to the standard input of a worker, then, once all workers have started, a byte
that lets it open its doors, and keeps the pipe open: when that ends, the supervisor has ended, however it did, and the
worker ends too. The worker answers in lines on its standard output, each a ``Report``: that it has started, that its
doors are open, or why it ends. So no port, password or path stands on a command line, and a worker never outlives its
supervisor.
"""

import asyncio
import json
import os
import pickle
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from threading import Thread

from perdure_runtime.cli.ground import databases, worker_file
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.process import first
from perdure_runtime.cli.process import run as run_process
from perdure_runtime.cli.safety import Safety
from perdure_runtime.cli.serving import serve_node
from perdure_runtime.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which of several workers a process is, counted from 0.

    The addresses of callers and operators in the settings are final: all workers share them. ``peers`` is where each
    of them listens for the others, by its number; port 0 lets the system choose.
    """

    settings: Settings
    number: int
    peers: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A worker has started, and where its data are; what it is called once its doors are open. Or why it ends."""

    name: str = ""
    place: str = ""
    problem: str = ""

    def line(self) -> bytes:
        """For the standard output of the worker."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @staticmethod
    def read(line: bytes) -> "Report":
        """What a worker said; nothing where it ended without a word."""
        return Report(**json.loads(line)) if line else Report()


def run() -> None:
    """Serves until the supervisor or a signal ends it, or the node fails."""
    try:
        assignment = pickle.load(sys.stdin.buffer)
    except (EOFError, pickle.UnpicklingError):
        assignment = None
    if not isinstance(assignment, Assignment):
        raise Problem("this command is the inside of `perdure up --workers`: use that")
    try:
        _serve(assignment)
    except Problem as problem:
        _say(Report(problem=str(problem)))
        sys.exit(problem.exit_code)


def _serve(assignment: Assignment) -> None:
    settings, number = assignment.settings, assignment.number
    safety = Safety.of(settings)
    if settings.storage.urls:
        ground = databases(settings, assignment.peers[number], settings.cluster.advertised(number), safety.peers)
    else:
        ground = worker_file(settings, number, assignment.peers, safety.peers)

    async def serve(stop: asyncio.Event) -> None:
        told = asyncio.Event()
        Thread(target=_listen_to_supervisor, args=(asyncio.get_running_loop(), told), daemon=True).start()

        async def others() -> None:
            _say(Report(place=ground.place))
            await first(stop.wait(), told.wait())

        async with serve_node(ground, settings, safety, others, shared=True) as listening:
            _say(Report(listening.name, ground.place))
            await first(stop.wait(), listening.node.failed())

    run_process(serve, settings.logs, {"worker": number})


def _listen_to_supervisor(loop: asyncio.AbstractEventLoop, told: asyncio.Event) -> None:
    """In a thread, whatever the loop is busy with: who starts the runtime again must find files and ports free."""
    while os.read(sys.stdin.fileno(), 1):
        loop.call_soon_threadsafe(told.set)
    # As in a crash: what is not durable, nobody was told of.
    os._exit(1)


def _say(report: Report) -> None:
    # Where nobody listens any more, nobody needs to know.
    with suppress(BrokenPipeError):
        os.write(sys.stdout.fileno(), report.line())
