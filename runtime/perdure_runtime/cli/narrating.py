"""What `perdure dev` tells of invocations: one line when one ends, and one when an attempt of it fails."""

import logging
import time
from collections.abc import Callable, Sequence

import typer
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame, Start

from perdure_runtime.cli.duration import show_duration
from perdure_runtime.cli.printable import printable
from perdure_runtime.contracts.showing import code_name
from perdure_runtime.invoker.local import EndpointSession

GREEN, RED, YELLOW = typer.colors.GREEN, typer.colors.RED, typer.colors.YELLOW
# An error is one line, and this much of it.
LONGEST = 300

Send = Callable[[list[EndpointFrame]], None]


class Narrator:
    """Looks at the frames between a node and the handlers in its process, and changes none of them.

    An invocation that leaves memory to wait, and comes back, is told once, at its end.
    """

    def __init__(
        self, say: Callable[[str], None] = typer.echo, clock_ms: Callable[[], float] = lambda: time.time() * 1_000
    ) -> None:
        self._say = say
        self._clock_ms = clock_ms
        self._started: dict[int, Start] = {}
        self._began_ms: dict[str, float] = {}

    def session(self, open_session: Callable[[Send], EndpointSession], send: Send) -> EndpointSession:
        """A session whose invocations are told of."""

        def seen(frames: list[EndpointFrame]) -> None:
            for frame in frames:
                self._see(frame)
            send(frames)

        return _Session(open_session(seen), self._begin)

    def _begin(self, slot: int, start: Start) -> None:
        self._started[slot] = start
        # Of one that has run before this process did, the time in which it was accepted is all that is known.
        began_ms = self._clock_ms() if start.attempt == 1 else float(start.created_at_ms)
        self._began_ms.setdefault(start.invocation_id, began_ms)

    def _see(self, frame: EndpointFrame) -> None:
        match frame.WhichOneof("frame"):
            case "outcome":
                start = self._started.pop(frame.slot, None)
                if start is None:
                    return
                took = show_duration(self._clock_ms() - self._began_ms.pop(start.invocation_id))
                if frame.outcome.HasField("failure"):
                    failure = frame.outcome.failure
                    self._tell(start, took, "failed", RED, f"{code_name(failure.code)}: {failure.message}")
                else:
                    self._tell(start, took, "succeeded", GREEN)
            case "attempt_failure":
                start = self._started.pop(frame.slot, None)
                if start is not None:
                    happens = "paused" if frame.attempt_failure.journal_mismatch else f"attempt {start.attempt} failed"
                    self._tell(start, "", happens, YELLOW, frame.attempt_failure.message)
            case "suspension":
                self._started.pop(frame.slot, None)

    def _tell(self, start: Start, took: str, outcome: str, colour: str, why: str = "") -> None:
        at = time.strftime("%H:%M:%S", time.localtime(self._clock_ms() / 1_000))
        handler = f"{start.target.service.rpartition('.')[2]}/{start.target.handler}"
        # What is not written to a terminal, typer leaves without colours.
        told = [typer.style(at, dim=True), handler, start.target.key, took, typer.style(outcome, fg=colour)]
        told += [printable(" ".join(why.split())[:LONGEST]), typer.style(start.invocation_id, dim=True)]
        self._say("  ".join(part for part in told if part))


class FirstAttempts(logging.Filter):
    """Of an invocation that keeps failing one traceback is enough; each further failure has its line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record of the SDK is written."""
        attempt = getattr(record, "attempt", 1)
        return record.exc_info is None or not isinstance(attempt, int) or attempt <= 1


class _Session:
    """The endpoint's side of a session, as somebody looks on."""

    def __init__(self, session: EndpointSession, begin: Callable[[int, Start], None]) -> None:
        self._session = session
        self._begin = begin

    def receive(self, frames: Sequence[NodeFrame]) -> None:
        """Takes in frames."""
        for frame in frames:
            if frame.HasField("start"):
                self._begin(frame.slot, frame.start)
        self._session.receive(frames)

    async def close(self) -> None:
        """Ends all attempts."""
        await self._session.close()
