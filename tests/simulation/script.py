"""What a handler of the simulated contract does: one operation of its body after the other, and a report of them.

A report is a log of lines, one for each operation. What a handler has seen so far goes along with each call and each
step that it asks for, so that an attempt which saw something else than the one before is found out.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import TypeAlias, assert_never

import perdure
from perdure import CancelledInvocation, Context, StatusCode, TerminalError
from simulated.v1 import (
    CellClient,
    CellContext,
    CellSharedContext,
    FlowClient,
    FlowContext,
    FlowSharedContext,
    Job,
    KeyedJob,
    Note,
    Report,
    WorkerClient,
)

from tests.simulation.program import (
    Again,
    All,
    Awake,
    Body,
    Bump,
    Burst,
    By,
    Call,
    CallOff,
    Fail,
    First,
    Fork,
    Keys,
    Leaf,
    Look,
    Op,
    Patience,
    Peek,
    Role,
    Send,
    Settle,
    Shield,
    Signals,
    Sleep,
    Spawn,
    Step,
    Stumble,
    Wait,
)
from tests.simulation.witness import Attempt, Told, Witness

RETRY = perdure.RetryPolicy(initial_interval=timedelta(milliseconds=8), max_attempts=2)
SEPARATOR = "\n"
TIMED_OUT = "timed out"
# The line of a handler that was cancelled, and the step by which it makes up for what it did.
CANCELLED = "cancelled"
UNDO = "undo"
# The line of a handler that looks after its cancellation itself, and has seen it.
HEEDED = "heeded"

Render: TypeAlias = Callable[[object], str]
Issued: TypeAlias = tuple[Awaitable[object], Render]


class World:
    """What handlers know of the world outside."""

    def __init__(self, witness: Witness, bodies: dict[str, Body], clock_ms: Callable[[], int]) -> None:
        self.witness = witness
        self.bodies = bodies
        self.clock_ms = clock_ms


class StumbleError(Exception):
    """A failure that another attempt may not have."""


class Script:
    """One attempt at a body."""

    def __init__(self, world: World, ctx: Context, body: str, seen: str) -> None:
        self._world = world
        self._witness = world.witness
        self._ctx = ctx
        self._body = world.bodies[body]
        self._seen = seen
        # An attempt knows the endpoint's side of its session, which sends what it says.
        self._session = world.witness.sessions[getattr(ctx._attempt, "outlet")]  # noqa: B009  # of Attempt, not of its port
        self._log: list[str] = []

    async def run(self) -> Report:
        """Does the body; a cancellation ends it with a step that undoes it."""
        name = self._ctx.invocation_id
        is_open = partial(getattr, self._ctx._attempt, "open")
        attempt = Attempt(name, self._ctx.attempt, self._session, is_open)
        writes = f"Cell {self._body.key}" if self._body.role is Role.WRITE else ""
        self._witness.enter(attempt, self._body.name, writes, self._world.clock_ms())
        try:
            await self._perform(self._body.ops)
            if self._body.role is Role.CARE and self._ctx.cancellation().done():
                self._say(HEEDED, self._body.name)
        except CancelledInvocation:
            undo = Step(f"{UNDO} {self._body.name}")
            await self._ctx.run(undo.path, partial(self._execute, undo, self._so_far(undo.path)))
            self._say(CANCELLED, self._body.name)
            raise TerminalError(SEPARATOR.join(self._log), StatusCode.CANCELLED) from None
        finally:
            self._witness.leave(attempt, writes)
        return Report(log=self._log)

    async def _perform(self, ops: tuple[Op, ...]) -> None:
        for op in ops:
            await self._do(op)

    async def _do(self, op: Op) -> None:
        match op:
            case Call() if op.again is not Again.NEVER:
                await self._call_again(op)
            case Step() | Call() | Send() | Wait():
                self._say(op.path, await self._result(*self._issue(op)))
            case Sleep():
                before = self._ctx.now()
                await self._ctx.sleep(timedelta(milliseconds=op.ms))
                self._say(op.path, f"{(self._ctx.now() - before) // timedelta(milliseconds=1)}")
            case Spawn():
                await self._spawn(op)
            case CallOff():
                await self._call_off(op)
            case Burst():
                sent: list[Awaitable[object]] = []
                for body in op.bodies:
                    if sent and op.pause_ms:
                        await self._ctx.sleep(timedelta(milliseconds=op.pause_ms))
                    sent.append(self._send(body, self._so_far(op.path), 0))
                self._say(op.path, ",".join([await self._result(future, _render_handle) for future in sent]))
            case Settle() | Peek():
                self._say(op.path, await self._look_at_promise(op))
            case Awake():
                await self._awake(op)
            case Signals():
                await self._tell(Told(op.path, op, self._ctx.invocation_id, self._session))
                if op.together:
                    notes = list(await perdure.gather(*(self._ctx.signal(op.path, Note) for _ in range(op.count))))
                else:
                    notes = [await self._ctx.signal(op.path, Note) for _ in range(op.count)]
                self._say(op.path, ",".join(note.text for note in notes))
            case Patience():
                future, render = self._issue(op.part)
                impatient = perdure.or_timeout(future, timedelta(milliseconds=op.ms))
                self._say(op.path, await self._result(impatient, render))
            case Shield():
                with self._ctx.shield():
                    await self._perform(op.ops)
            case Bump():
                assert isinstance(self._ctx, CellContext)
                count = self._ctx.state.count
                saw = await count.get()
                count.set(saw + op.amount)
                self._say(op.path, f"{saw}>{saw + op.amount}")
            case Look():
                assert isinstance(self._ctx, CellContext | CellSharedContext)
                self._say(op.path, str(await self._ctx.state.count.get()))
            case Keys():
                assert isinstance(self._ctx, CellContext | CellSharedContext)
                self._say(op.path, ",".join(await self._ctx.state.keys()))
            case Stumble():
                if self._witness.stumbled(op.path, op.times):
                    raise StumbleError(op.path)
            case Fail():
                self._say(op.path, "fails")
                raise TerminalError(SEPARATOR.join(self._log), StatusCode.ABORTED)
            case All():
                await self._all(op)
            case First():
                issued = [self._issue(part) for part in op.parts]
                done, _ = await perdure.wait(*(future for future, _ in issued), first=True)
                winner = next(number for number, (future, _) in enumerate(issued) if future is done[0])
                self._say(op.path, f"{op.parts[winner].path}:{await self._result(*issued[winner])}")
            case Fork():
                await asyncio.gather(*(self._perform(branch) for branch in op.branches))
                self._say(op.path, "joined")
            case _:
                assert_never(op)

    async def _all(self, op: All) -> None:
        issued = [self._issue(part) for part in op.parts]
        try:
            results = await perdure.gather(*(future for future, _ in issued))
        except CancelledInvocation:
            raise
        except TerminalError as error:
            self._say(op.path, f"!{digest(error.message)}")
        else:
            rendered = [render(result) for (_, render), result in zip(issued, results, strict=True)]
            self._say(op.path, "|".join(rendered))

    async def _call_again(self, op: Call) -> None:
        first = self._issue(op)
        results = [] if op.again is Again.MEANWHILE else [await self._result(*first)]
        second = self._issue(op)
        for issued in (first, second)[len(results) :]:
            results.append(await self._result(*issued))
        self._say(op.path, results[0] if results[0] == results[1] else f"first {results[0]}, then {results[1]}")

    async def _spawn(self, op: Spawn) -> None:
        handle = await self._send(op.body, self._so_far(op.path), op.delay_ms)
        assert isinstance(handle, perdure.InvocationHandle)
        self._say(op.path, await self._result(handle.attach(), _render_report))

    async def _call_off(self, op: CallOff) -> None:
        call = self._call(op.body, self._so_far(op.path), None)
        result = await self._result(perdure.or_timeout(call, timedelta(milliseconds=op.after_ms)), _render_report)
        if result == TIMED_OUT:
            await self._ctx.cancel(call)
            result = await self._result(call, _render_report)
        self._say(op.path, result)

    async def _look_at_promise(self, op: Settle | Peek) -> str:
        promise = self._promise(op.promise)
        if isinstance(op, Settle):
            return await self._result(promise.resolve(Note(text=op.path)), str)
        return await self._result(promise.peek(), _render_note)

    async def _awake(self, op: Awake) -> None:
        awakeable = self._ctx.awakeable(Note)
        if op.by is By.ITSELF:
            await self._ctx.resolve_awakeable(awakeable.id, Note(text=f"{op.path}:1"))
            await self._ctx.resolve_awakeable(awakeable.id, Note(text=f"{op.path}:2"))
        else:
            await self._tell(Told(op.path, op, awakeable.id, self._session))
        self._say(op.path, await self._result(awakeable, _render_note))

    async def _tell(self, told: Told) -> None:
        step = Step(f"tell {told.path}")
        await self._ctx.run(step.path, partial(self._execute, step, self._so_far(step.path), told))

    async def _result(self, future: Awaitable[object], render: Render) -> str:
        try:
            return render(await future)
        except CancelledInvocation:
            raise
        except perdure.TimedOut:
            return TIMED_OUT
        except TerminalError as error:
            return f"!{digest(error.message)}"

    def _issue(self, op: Leaf) -> Issued:
        match op:
            case Step():
                function = partial(self._execute, op, self._so_far(op.path))
                if op.retried:
                    return self._ctx.run(op.path, function, retry=RETRY), str
                return self._ctx.run(op.path, function), str
            case Sleep():
                return self._ctx.sleep(timedelta(milliseconds=op.ms)), str
            case Call():
                key = None if op.again is Again.NEVER else f"key of {op.path}"
                return self._call(op.body, self._so_far(op.path), key), _render_report
            case Send():
                return self._send(op.body, self._so_far(op.path), op.delay_ms), _render_handle
            case Wait():
                return self._promise(op.promise).value(), _render_note
            case _:
                assert_never(op)

    def _call(self, body: Body, seen: str, key: str | None) -> Awaitable[object]:
        keyed = KeyedJob(body=body.name, seen=seen)
        match body.role:
            case Role.WORK:
                return WorkerClient(self._ctx).work(Job(body=body.name, seen=seen), idempotency_key=key)
            case Role.CARE:
                return WorkerClient(self._ctx).care(Job(body=body.name, seen=seen), idempotency_key=key)
            case Role.WRITE:
                return CellClient(self._ctx, body.key).write(keyed, idempotency_key=key)
            case Role.READ:
                return CellClient(self._ctx, body.key).read(keyed, idempotency_key=key)
            case Role.RUN:
                return FlowClient(self._ctx, body.key).run(keyed)
            case Role.TELL:
                return FlowClient(self._ctx, body.key).tell(keyed, idempotency_key=key)
            case _:
                assert_never(body.role)

    def _send(self, body: Body, seen: str, delay_ms: int) -> Awaitable[object]:
        self._witness.first_sent_ms.setdefault(body.name, self._world.clock_ms())
        keyed, delay = KeyedJob(body=body.name, seen=seen), timedelta(milliseconds=delay_ms)
        match body.role:
            case Role.WORK:
                return WorkerClient(self._ctx).work.send(Job(body=body.name, seen=seen), delay=delay)
            case Role.CARE:
                return WorkerClient(self._ctx).care.send(Job(body=body.name, seen=seen), delay=delay)
            case Role.WRITE:
                return CellClient(self._ctx, body.key).write.send(keyed, delay=delay)
            case Role.READ:
                return CellClient(self._ctx, body.key).read.send(keyed, delay=delay)
            case Role.RUN:
                return FlowClient(self._ctx, body.key).run.send(keyed, delay=delay)
            case Role.TELL:
                return FlowClient(self._ctx, body.key).tell.send(keyed, delay=delay)
            case _:
                assert_never(body.role)

    async def _execute(self, step: Step, seen: str, told: Told | None = None) -> str:
        number = await self._witness.execute(self._session, self._ctx.invocation_id, step, seen)
        if number <= step.hangs + step.failures:
            raise StumbleError(step.path)
        if step.terminal:
            raise TerminalError(f"{step.path}#{number}", StatusCode.FAILED_PRECONDITION)
        if told is not None:
            self._witness.tell(told)
        return f"{step.path}#{number}"

    def _promise(self, name: str) -> perdure.workflow.BoundPromise[Note]:
        assert isinstance(self._ctx, FlowContext | FlowSharedContext)
        return self._ctx.promises.first if name == "first" else self._ctx.promises.second

    def _so_far(self, path: str) -> str:
        return digest(self._seen, path, *self._log)

    def _say(self, path: str, saw: str) -> None:
        self._log.append(f"{path}={saw}")


def digest(*parts: str) -> str:
    """A short name of something seen."""
    return hashlib.blake2b(SEPARATOR.join(parts).encode(), digest_size=6).hexdigest()


def _render_report(report: object) -> str:
    assert isinstance(report, Report)
    return digest(*report.log)


def _render_handle(handle: object) -> str:
    assert isinstance(handle, perdure.InvocationHandle)
    return handle.invocation_id


def _render_note(note: object) -> str:
    assert note is None or isinstance(note, Note)
    return "nothing" if note is None else note.text
