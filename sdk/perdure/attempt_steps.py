"""The steps of one attempt: from the handler's asking for one to its result in the journal."""

import asyncio
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_protos.perdure.protocol.v1.session_pb2 import Start

from perdure.errors import TerminalError
from perdure.failures import terminal_error
from perdure.futures import DurableFuture
from perdure.interrupts import Interrupts
from perdure.steps import GivenUp, Step, cancelled_step, now_ms
from perdure.threads import StepThreads
from perdure.tracing import AttemptTrace
from perdure.vm.machine import Machine
from perdure.vm.replay import Failures


class StepsOwner(Protocol):
    """The attempt whose steps they are."""

    loop: asyncio.AbstractEventLoop
    start: Start
    machine: Machine
    open: bool
    interrupts: Interrupts
    trace: AttemptTrace

    def flush(self) -> None:
        """Sends what the machine has for the node, and starts the steps that may start."""

    def fail(self, error: BaseException) -> None:
        """The attempt fails."""


@dataclass(slots=True)
class Asked:
    """A step whose result the handler has not seen yet.

    Attributes:
        task: What runs it, once it has begun.
        given_up: Set when it is to be tried no more.
        kept: The handler asked for it in spite of a cancellation: it is not given up.
    """

    step: Step
    kept: bool
    given_up: GivenUp = field(default_factory=GivenUp)
    task: asyncio.Task[None] | None = None


class AttemptSteps:
    """Implements ``steps.StepReports``.

    When the invocation is cancelled, a step that has not begun never does, one that runs is let end unless it is
    interruptible, and one that fails is not tried again: so that nothing goes on beside the compensations.
    """

    def __init__(self, attempt: StepsOwner, threads: StepThreads) -> None:
        self._attempt = attempt
        self._threads = threads
        self._asked: dict[int, Asked] = {}
        self._undecided: list[int] = []

    @property
    def open(self) -> Collection[int]:
        """Ordinals of the steps whose results the handler has not seen."""
        return self._asked.keys()

    def ask(self, command: int, step: Step) -> None:
        """The handler asks for a step."""
        attempt = self._attempt
        # What undoes something after an error must not be lost to a cancellation that comes at that moment.
        undoes = terminal_error(sys.exception()) is not None
        asked = self._asked[command] = Asked(step, kept=undoes or attempt.interrupts.accepted)
        if asked.kept:
            attempt.interrupts.wait_for(command)
        elif attempt.interrupts.seen:
            self._give_up(command, asked)

    def start(self) -> None:
        """Runs what may start; what a cancellation is known of waits until the handler does."""
        attempt = self._attempt
        for command in attempt.machine.take_startable():
            asked = self._asked[command]
            if asked.kept or attempt.interrupts.seen or attempt.interrupts.explicit or not attempt.machine.cancelled:
                self._begin(command, asked)
            else:
                self._undecided.append(command)

    def decide(self) -> None:
        """The handler waits, and its invocation is cancelled: what it has not kept by now is given up."""
        if not self._attempt.machine.cancelled or self._attempt.interrupts.explicit:
            return
        for command, asked in list(self._asked.items()):
            if not asked.kept:
                self._give_up(command, asked)
        undecided, self._undecided = self._undecided, []
        for command in undecided:
            asked_again = self._asked.get(command)
            if asked_again is not None and asked_again.kept:
                self._begin(command, asked_again)

    def keep(self) -> None:
        """The handler holds a cancellation back from what it has asked for."""
        for asked in self._asked.values():
            asked.kept = True

    def settled(self, command: int, future: DurableFuture[Any], error: TerminalError | None) -> bool:
        """The handler sees the result; whether it is to get its cancellation in place of that."""
        if self._asked.pop(command, None) is None:
            return False
        return self._attempt.interrupts.settled(command, future, error)

    def release(self) -> None:
        """Stops whatever runs."""
        for asked in self._asked.values():
            if asked.task is not None:
                asked.task.cancel()
        self._asked.clear()

    # What steps say.

    async def run_in_thread(self, command: int, call: Callable[[], object]) -> object:
        """Runs a sync function, or waits for the run that an earlier attempt has left. Raises what it raises."""
        return await self._threads.run(self._attempt.start.invocation_id, command, call)

    def step_failures(self, command: int) -> Failures:
        """Failed executions of a step so far, those of earlier attempts included."""
        return self._attempt.machine.step_failures(command)

    def step_failed(self, command: int, message: str, at_ms: int) -> None:
        """An execution of a step failed and will be repeated."""
        if self._attempt.open:
            self._attempt.machine.step_failed(command, message, at_ms)
            self._attempt.flush()

    def step_ended(self, command: int, result: bytes | Failure, at_ms: int) -> None:
        """A step has a result."""
        if self._attempt.open:
            self._attempt.machine.step_ended(command, result, at_ms)
            self._attempt.flush()

    def fail(self, error: BaseException) -> None:
        """The attempt fails."""
        self._attempt.fail(error)

    def _begin(self, command: int, asked: Asked) -> None:
        coroutine = self._attempt.trace.run(asked.step, command, self, asked.given_up)
        # Not by the loop: its factory looks for tasks of handlers, which this is none of.
        task = asyncio.Task(
            coroutine, loop=self._attempt.loop, context=asked.step.context, name=f"step {asked.step.name}"
        )
        task.add_done_callback(partial(self._on_task_done, command))
        asked.task = task

    def _give_up(self, command: int, asked: Asked) -> None:
        if asked.given_up.is_set():
            return
        asked.given_up.set()
        if asked.task is not None:
            if asked.step.interruptible:
                asked.task.cancel()
        elif self._threads.has(self._attempt.start.invocation_id, command):
            # An earlier attempt has left it running: it is let end as well.
            asked.kept = True
        else:
            self._attempt.machine.give_up_step(command, cancelled_step(asked.step.name), now_ms())

    def _on_task_done(self, command: int, task: asyncio.Task[None]) -> None:
        asked = self._asked.get(command)
        if task.cancelled():
            if asked is None or asked.task is not task or not self._attempt.open:
                return
            if asked.given_up.is_set():
                # Before its first turn.
                self.step_ended(command, cancelled_step(asked.step.name), now_ms())
            else:
                self._attempt.fail(RuntimeError(f"the task of step {asked.step.name!r} was cancelled from outside"))
        elif (error := task.exception()) is not None:
            self._attempt.fail(error)
