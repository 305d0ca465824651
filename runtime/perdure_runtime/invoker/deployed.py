"""A deployment: processes that serve alike and share its attempts, and the attempts that wait for one of them."""

import asyncio
from collections.abc import Callable

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.invoker.slot import Slot
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.input import AttemptLost, Input
from perdure_runtime.telemetry.metrics import Metrics


class Deployed:
    """An attempt starts at the process that has the fewest of those that are there.

    While none is there it waits, and counts as lost as soon as one is: the partition then starts the next attempt, with
    the journal as it is by then.
    """

    def __init__(
        self,
        id: str,
        contracts: Contracts,
        offer: Callable[[Input], None],
        known: Callable[[], Contracts],
        on_away: Callable[["Deployed"], None],
        metrics: Metrics | None = None,
    ) -> None:
        """``known`` gives all contracts; ``on_away`` is told when no process has answered for long."""
        self.id = id
        self.contracts = contracts
        self._offer = offer
        self._known = known
        self._on_away = on_away
        self._metrics = metrics
        # Those that new attempts go to, the one that started the last attempt at the end.
        self._processes: list[Connection] = []
        # Sessions, also with processes that only end what they have.
        self._sessions: dict[Connection, asyncio.Task[None]] = {}
        self._waiting: dict[str, int] = {}

    @property
    def processes(self) -> set[str]:
        """The addresses of the processes that new attempts go to."""
        return {process.address for process in self._processes}

    @property
    def address(self) -> str:
        """What people know it by."""
        return ", ".join(sorted(self.processes))

    @property
    def away(self) -> str:
        """Why none of its processes answers, once none has for long; else empty."""
        if not self._processes or not all(process.away for process in self._processes):
            return ""
        if len(self._processes) == 1:
            return self._processes[0].away
        return "; ".join(sorted(f"{process.address}: {process.away}" for process in self._processes))

    @property
    def idle(self) -> bool:
        """Whether no attempt runs here, or waits to."""
        return not self._waiting and not any(session.running for session in self._sessions)

    @property
    def silent(self) -> int:
        """How many attempts were started and have said nothing yet."""
        return sum(session.silent for session in self._sessions)

    @property
    def running(self) -> int:
        """How many attempts run here."""
        return sum(session.running for session in self._sessions)

    @property
    def has_ended(self) -> bool:
        """Whether it has no session any more."""
        return not self._sessions

    def waiting(self) -> list[str]:
        """Invocations that wait for a process to be there."""
        return list(self._waiting)

    def waits(self, invocation_id: str) -> bool:
        """Whether an invocation waits for a process to be there."""
        return invocation_id in self._waiting

    def join(self, transport: Transport) -> None:
        """Adds a process."""
        process = Connection(
            transport,
            self._offer,
            self._known,
            self._report_away,
            self.id,
            self._let_go,
            self._start_waiting,
            self._metrics,
        )
        self._processes.append(process)
        self._open(process)

    def leave(self, address: str, *, at_once: bool) -> None:
        """Takes a process out; what runs there starts again at the others ``at_once``, or ends there."""
        for process in [process for process in self._processes if process.address == address]:
            self._processes.remove(process)
            if at_once:
                process.lose_all(f"the process at {address} leaves its deployment; the others go on")
            self._let_go(process)

    def open(self) -> None:
        """Opens the sessions that are closed."""
        for process in self._processes:
            self._open(process)

    def retire(self) -> None:
        """Closes the sessions where nothing runs or waits; its next attempt opens them again."""
        if self.idle:
            self._close_sessions()

    def end(self) -> None:
        """Starts nothing any more; what runs ends where it is, and each session after it."""
        ending, self._processes = self._processes, []
        for process in ending:
            self._let_go(process)

    async def close(self) -> None:
        """Ends all sessions, and opens none any more."""
        # What is lost with them is started again by the partition, which goes on for a moment: elsewhere, or later.
        self._processes.clear()
        tasks = list(self._sessions.values())
        self._close_sessions()
        await asyncio.gather(*tasks, return_exceptions=True)

    def start(self, start: Start, facts: HandlerFacts) -> None:
        """Runs an attempt, now or when a process is there."""
        self.open()
        there = [process for process in self._processes if process.is_open]
        if not there:
            self._waiting[start.invocation.id] = start.invocation.attempt
            return
        chosen = min(there, key=lambda process: process.running)
        # Of those with equally few the one comes next that has waited for the longest.
        self._processes.remove(chosen)
        self._processes.append(chosen)
        chosen.start(start, facts)

    def slot(self, invocation_id: str, attempt: int) -> tuple[Connection, Slot] | None:
        """Where an attempt runs."""
        for session in self._sessions:
            slot = session.slot(invocation_id, attempt)
            if slot is not None:
                return session, slot
        return None

    def abort_all(self, reason: str, where: Callable[[str], bool]) -> None:
        """Stops the attempts of these invocations, and forgets those that wait."""
        self._waiting = {id: attempt for id, attempt in self._waiting.items() if not where(id)}
        for session in list(self._sessions):
            session.abort_all(reason, where)

    def release(self) -> dict[str, int]:
        """Lets go of the attempts that wait: their numbers by invocation id."""
        waiting, self._waiting = self._waiting, {}
        return waiting

    def _start_waiting(self, process: Connection) -> None:
        if process in self._processes:
            for invocation_id, attempt in self.release().items():
                self._offer(AttemptLost(invocation_id, attempt))

    def _report_away(self, process: Connection) -> None:
        if self.away:
            self._on_away(self)

    def _open(self, process: Connection) -> None:
        if process not in self._sessions:
            self._sessions[process] = asyncio.create_task(process.run())

    def _let_go(self, process: Connection) -> None:
        """Closes the session with a process that gets no attempts any more, once what ran there has ended."""
        if process in self._sessions and process not in self._processes and not process.running:
            self._sessions.pop(process).cancel()

    def _close_sessions(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for task in sessions.values():
            task.cancel()
