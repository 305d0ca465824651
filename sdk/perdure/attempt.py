"""One attempt of an invocation in this process: durable operations in, frames out."""

import asyncio
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import betterproto
from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AwakeableCommand,
    Entry,
    Failure,
    Outcome,
    RunCommand,
)
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame, Start, Suspension

from perdure import codec, commands, tracing
from perdure.annotations import Annotations
from perdure.attempt_state import AttemptState
from perdure.attempt_steps import AttemptSteps
from perdure.awakeables import new_id
from perdure.combining import or_timeout
from perdure.endpoint import BoundHandler
from perdure.errors import (
    JournalMismatch,
    ProtocolViolation,
    TerminalError,
    UsageError,
)
from perdure.failures import attempt_failure, callers_lines, error_of, failure_of, terminal_error
from perdure.futures import Awakeable, Durable, DurableFuture, current_attempt
from perdure.handler_tasks import OwnTasks
from perdure.interrupts import Interrupts
from perdure.logs import fields_of
from perdure.outlet import Outlet
from perdure.results import load
from perdure.retry import RetryPolicy
from perdure.steps import Step, current_step, make_step
from perdure.vm.machine import Cancelled, Machine, Settled

T = TypeVar("T")
F = TypeVar("F", bound=DurableFuture[Any])

log = logging.getLogger("perdure")


class Attempt:
    """One attempt.

    Attributes:
        open: Whether the handler may go on; false once the attempt has said its last word.
        dropped: Whether the handler was stopped from outside: suspended, aborted or failed.
        on_drop: Stops the handler where it waits; set while it runs.
        on_news: Called when there may be results for a handler that waits.
        state: The state of the handler's key.
        interrupts: The cancellation of the invocation.
        steps: What it runs of the handler's steps.
        task: What drives the handler, once it has begun.
        tasks: What the handler has started of its own and has not ended.
        has_tasks: Whether there ever were any.
        trace: Its spans.
    """

    def __init__(
        self, outlet: Outlet, slot: int, start: Start, bound: BoundHandler, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Raises ProtocolViolation for a journal that makes no sense."""
        self.outlet = outlet
        self.slot = slot
        self.start = start
        self.bound = bound
        self.loop = loop
        self.machine = Machine(start)
        self.open = True
        self.dropped = False
        self.on_drop: Callable[[], None] = _nothing
        self.on_news: Callable[[], None] = _nothing
        self._futures: dict[int, DurableFuture[Any]] = {}
        self.trace = tracing.begin(self)
        self.steps = AttemptSteps(self, outlet.step_threads)
        self.task: asyncio.Task[None] | None = None
        self.tasks = OwnTasks(loop)
        self.has_tasks = False
        self.state = AttemptState(self)
        self.interrupts = Interrupts(self, explicit=start.explicit_cancellation, on_due=lambda: self.on_news())

    def __str__(self) -> str:
        return f"{self.bound.name} ({self.start.invocation_id}, attempt {self.start.attempt})"

    # What the context does.

    @property
    def state_message(self) -> type[betterproto.Message] | None:
        """The message whose fields are the state of the handler's key."""
        return self.bound.service.state

    def now_ms(self) -> int:
        """The time that the handler reads."""
        self.check_usable("now")
        return self.machine.now_ms

    def issue(self, operation: str, entry: Entry, restore: Callable[[bytes], T]) -> DurableFuture[T]:
        """Issues a command."""
        self.check_usable(operation)
        return self._issue(lambda: DurableFuture(self, entry, self.machine.issue(entry), restore))

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """The handler has started a task of its own."""
        self.has_tasks = True
        self.tasks.adopt(task)

    def sleep(self, duration: timedelta) -> DurableFuture[None]:
        """Issues a sleep."""
        return self.issue("sleep", commands.sleep(duration), commands.nothing)

    def or_timeout(self, future: Durable[T], timeout: timedelta) -> Durable[T]:
        """Waits for a result for so long."""
        return or_timeout(future, timeout)

    def run(
        self,
        name: str,
        function: Callable[..., object],
        args: tuple[object, ...],
        kwargs: dict[str, object],
        retry: RetryPolicy | None,
    ) -> DurableFuture[Any]:
        """Issues a step."""
        step = make_step(name, function, args, kwargs, retry)
        restore = partial(load, annotations=Annotations(function))
        self.check_usable(f"run {name!r}")
        entry = Entry(run=RunCommand(name=name))
        return self._issue(lambda: DurableFuture(self, entry, self.machine.issue(entry), restore), step)

    def awakeable(self, type: str, restore: Callable[[bytes], T]) -> Awakeable[T]:
        """Issues an awakeable for a message of this full name."""
        self.check_usable("awakeable")
        return self._issue(partial(self._make_awakeable, type, restore))

    def cancellation(self) -> Durable[None]:
        """Settled when the handler sees that its invocation was cancelled."""
        self.check_usable("cancellation")
        return self.interrupts.future

    def shield(self) -> AbstractContextManager[None]:
        """Holds a cancellation back."""
        self.check_usable("shield")
        self.steps.keep()
        return self.interrupts.shield()

    @property
    def cancelled(self) -> bool:
        """Whether the handler was told of its cancellation."""
        return self.open and self.interrupts.seen and not self.interrupts.explicit

    @property
    def replaying(self) -> bool:
        """Whether the handler repeats what an earlier attempt did."""
        return self.machine.replaying

    @property
    def issued(self) -> int:
        """How many commands the handler has issued."""
        return self.machine.issued

    def under_way(self, since: int) -> list[DurableFuture[Any]]:
        """The steps and calls whose results the handler has not seen, from the command of this ordinal on."""
        late = [future for command, future in self._futures.items() if command >= since]
        return [future for future in late if future.entry.WhichOneof("entry") in ("run", "call")]

    def check_usable(self, operation: str) -> None:
        """Whether the handler may do something durable now.

        Raises:
            UsageError: It has ended, or runs a step.
            asyncio.CancelledError: It was stopped: nothing it does counts any more.
        """
        step = current_step.get()
        if step is not None:
            raise UsageError(
                f"ctx.{operation} was used inside step {step!r} of {self.bound.name}: what a step does is not "
                "journaled by itself; do it in the handler, before or after the step"
            )
        if self.open:
            return
        if self.dropped:
            raise asyncio.CancelledError(f"the attempt {self.start.attempt} of {self.start.invocation_id} was stopped")
        raise UsageError(
            f"ctx.{operation} was used after {self.bound.name} had ended ({self.start.invocation_id}): await all that "
            "the handler starts before it returns, and keep no context for later"
        )

    def check_awaits(self, future: Durable[Any]) -> None:
        """Whether the running code may await a result of this attempt.

        Raises:
            UsageError: It belongs to another invocation, or is a step.
        """
        step = current_step.get()
        if step is not None:
            raise UsageError(
                f"step {step!r} of {self.bound.name} awaits {future!r}: await it in the handler, and give the step "
                "the result"
            )
        if current_attempt.get() is not self:
            raise UsageError(
                f"{future!r} of {self.bound.name} ({self.start.invocation_id}) was awaited outside of its handler: "
                "a result can only be awaited by the invocation that asked for it; share it through a call or a state"
            )

    # What the node sends.

    def receive(self, frame: NodeFrame) -> None:
        """Takes in a frame of this attempt, other than its start and its abort."""
        try:
            match frame.WhichOneof("frame"):
                case "completion":
                    self.machine.on_completion(frame.completion)
                case "accepted":
                    self.machine.on_accepted(frame.accepted.command, frame.accepted.at_ms)
                case "grant":
                    self.machine.on_grant(frame.grant.command)
                case "cancellation":
                    self.machine.on_cancellation(frame.cancellation)
                    self.steps.decide()
                case kind:
                    raise ProtocolViolation(f"frame {kind!r} in a running attempt: the node is newer; update the SDK")
        except ProtocolViolation as error:
            self.fail(error)
            return
        self.flush()
        self.on_news()

    def see_next(self) -> bool:
        """Lets the handler see the next result, if there is one for it now."""
        news = self.machine.next_settled()
        match news:
            case Settled():
                self._settle(news)
            case Cancelled():
                self.steps.decide()
                self.interrupts.cancel(self.steps.open)
                self.flush()
            case None:
                return False
        return True

    def flush(self) -> None:
        """Sends what the machine has for the node, and starts the steps that may start."""
        for entry in self.machine.take_entries():
            frame = EndpointFrame(slot=self.slot, entry=entry)
            # What undoes something after an error must not be lost to a cancellation that comes at that moment.
            undoes = entry.HasField("call") and terminal_error(sys.exception()) is not None
            if undoes or self.interrupts.accepted:
                frame.cancellation_accepted = True
            self.outlet.emit(frame)
        self.steps.start()

    # How it ends.

    def end(self, response: betterproto.Message) -> None:
        """The handler returned."""
        expected = self.bound.handler.response
        if type(response) is not expected:
            returned = "nothing" if response is None else f"a {type(response).__name__}"
            self.fail(TypeError(f"{self.bound.name} returned {returned}: its contract says {expected.__name__}"))
            return
        try:
            outcome = Outcome(value=codec.encode(response))
        except Exception as error:
            # A field holds what its type cannot carry.
            self.fail(error)
            return
        self._outcome(outcome)

    def end_with(self, error: BaseException) -> None:
        """The handler raised."""
        terminal = terminal_error(error)
        if terminal is None:
            self.fail(error)
            return
        try:
            outcome = Outcome(failure=failure_of(terminal))
        except Exception as broken:
            # Its details are no messages.
            self.fail(broken)
            return
        self._outcome(outcome)

    def refuse(self, error: TerminalError) -> None:
        """The handler cannot even start."""
        self._last_word(EndpointFrame(slot=self.slot, outcome=Outcome(failure=failure_of(error))))

    def fail(self, error: BaseException) -> None:
        """The attempt fails, and the handler stops where it is."""
        if not self.open:
            return
        log.warning("%s failed: %s", self, error, exc_info=error, extra=fields_of(self))
        self._last_word(EndpointFrame(slot=self.slot, attempt_failure=attempt_failure(error)))
        self._stop()

    def suspend(self, awaiting: list[int]) -> None:
        """The handler leaves memory until one of these commands has completed."""
        self._last_word(
            EndpointFrame(
                slot=self.slot, suspension=Suspension(awaiting=dict.fromkeys(awaiting), cancelled=self.interrupts.seen)
            )
        )
        self._stop()

    def abort(self) -> None:
        """The handler stops, and the node hears nothing more of it."""
        self.open = False
        self.trace.end(None)
        self.outlet.forget(self.slot)
        self._release()
        self._stop()

    def _issue(self, make: Callable[[], F], step: Step | None = None) -> F:
        try:
            future = make()
        except JournalMismatch as mismatch:
            if lines := callers_lines():
                mismatch.add_note(lines)
            self.fail(mismatch)
            raise
        self._futures[future.command] = future
        if step is not None:
            self.steps.ask(future.command, step)
        self.flush()
        self.on_news()
        return future

    def _make_awakeable(self, type: str, restore: Callable[[bytes], T]) -> Awakeable[T]:
        command, id = self.machine.awakeable(new_id(self.start.invocation_id, self.machine.issued), type)
        awakeable = Awakeable(self, Entry(awakeable=AwakeableCommand(id=id, type=type)), command, restore)
        awakeable.id = id
        return awakeable

    def _settle(self, settled: Settled) -> None:
        future = self._futures.pop(settled.command, None)
        if future is None:
            self.fail(ProtocolViolation(f"command {settled.command} has no result, but the node sent one"))
            return
        failed = error_of(settled.result) if isinstance(settled.result, Failure) else None
        if self.steps.settled(settled.command, future, failed) or future.done():
            return
        try:
            if isinstance(settled.result, bytes):
                future.set_result(future.restored(settled.result))
        except TerminalError as error:
            # What was looked at had ended with it.
            failed = error
        except Exception as error:
            # Journaled by code that is not there any more: the handler cannot go on, but later code can.
            self.fail(error)
        if failed is not None:
            future.set_exception(failed)
            if self.interrupts.seen:
                # What the handler had waited for when it was cancelled: it need not look at that any more.
                future.exception()

    def _outcome(self, outcome: Outcome) -> None:
        if not self.open:
            return
        try:
            self.machine.end()
        except JournalMismatch as mismatch:
            self.fail(mismatch)
            return
        if self.machine.steps_open and not self.interrupts.seen:
            log.warning("%s ended while steps were still running; they are cancelled: await them", self.bound.name)
        self._last_word(EndpointFrame(slot=self.slot, outcome=outcome))

    def _last_word(self, frame: EndpointFrame) -> None:
        self.open = False
        self.trace.end(frame)
        self.outlet.emit(frame)
        self.outlet.forget(self.slot)
        self._release()

    def _release(self) -> None:
        self.steps.release()
        self.interrupts.release()
        for future in self._futures.values():
            future.cancel()
        self._futures.clear()

    def _stop(self) -> None:
        self.dropped = True
        self.on_drop()


def _nothing() -> None:
    pass
