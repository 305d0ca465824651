"""An event loop whose time is a number: it jumps to the next timer whenever nothing else is left to do.

Callbacks run in the order in which asyncio runs them. Chance belongs into what is simulated: the network, the disk,
the faults. So a run depends on its seed alone, and an hour of waiting costs nothing.

What stands for a process of its own runs in the context of a group, and so does all that it starts: a group can be
frozen, and then none of its callbacks runs before it is thawed.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context, ContextVar, copy_context
from typing import TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# What a busy moment needs is a few hundred.
MOST_TURNS = 20_000
# A world that comes to an end does so with a few thousand.
MOST_CALLBACKS = 400_000


class Quiet(Exception):
    """Nothing is ready and no timer is set: whoever still waits will wait for ever."""


class Livelock(Exception):
    """Callbacks follow each other without end, and time stands still."""


class Group:
    """A process within the loop."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.held: list[asyncio.Handle] = []
        # Callbacks that run in it belong to the group.
        self.context = Context()
        self.context.run(_GROUP.set, self)

    def run(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        """Calls a function as one of the group."""
        return self.context.copy().run(function, *args)

    def task(self, work: Coroutine[object, object, T]) -> "asyncio.Task[T]":
        """Starts a task of the group."""
        return asyncio.get_running_loop().create_task(work, context=self.context.copy())


_GROUP: ContextVar[Group | None] = ContextVar("group", default=None)


def current_group() -> Group:
    """The group that the caller belongs to."""
    group = _GROUP.get()
    assert group is not None, "this is a part of a node, and runs outside of all nodes"
    return group


def outside() -> Context:
    """A context that belongs to no group."""
    return Context()


def carried(to: Group | None) -> Context:
    """The context of the caller, as one that belongs to a group, or to none: whatever wakes somebody brings its own."""
    context = copy_context()
    context.run(_GROUP.set, to)
    return context


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without sockets and threads, on virtual time."""

    # Of BaseEventLoop: what is to run in this turn, and the timers, as a heap.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0
        self._turns = 0
        self._callbacks = 0
        # In the order in which they were frozen.
        self._frozen: dict[Group, None] = {}

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def freeze(self, group: Group) -> None:
        """None of a group's callbacks runs from now on."""
        group.frozen = True
        self._frozen[group] = None

    def thaw(self, group: Group) -> None:
        """All callbacks of a group that were held back run now, in their order."""
        group.frozen = False
        self._frozen.pop(group, None)
        held, group.held = group.held, []
        self._ready.extend(held)

    def let_go(self) -> None:
        """Nothing is held back any more, and what is left may take its time."""
        for group in list(self._frozen):
            self.thaw(group)
        self._turns = self._callbacks = 0

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> "asyncio.Future[T]":
        """Calls a function soon: there are no threads."""
        future: asyncio.Future[T] = self.create_future()

        def call() -> None:
            if not future.cancelled():
                try:
                    future.set_result(func(*args))
                except Exception as error:
                    future.set_exception(error)

        self.call_soon(call)
        return future

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)
        if ready:
            self._turns += 1
            if self._turns > MOST_TURNS:
                raise Livelock(f"time has stood still for {MOST_TURNS} turns of the loop")
        elif timers:
            self._turns = 0
            self._now_s = max(self._now_s, timers[0].when())
        else:
            raise Quiet("every task waits for something that nothing will ever do")
        while timers and timers[0].when() <= self._now_s:
            ready.append(heapq.heappop(timers))
        self._callbacks += len(ready)
        if self._callbacks > MOST_CALLBACKS:
            raise Livelock(f"{MOST_CALLBACKS} callbacks have brought the world to no end")
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            if self._frozen and (group := _group_of(handle)) is not None and group.frozen:
                group.held.append(handle)
                continue
            handle._run()

    def _write_to_self(self) -> None:
        """Nobody is asleep who could be woken."""


def _group_of(handle: asyncio.Handle) -> Group | None:
    context = getattr(handle, "_context")  # noqa: B009  # of Handle, and in no stub of it
    assert isinstance(context, Context)
    return context.get(_GROUP)


def run(main: Coroutine[object, object, T]) -> T:
    """Runs to the end on a loop of its own, and leaves nothing behind."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        _finish(loop)
        asyncio.set_event_loop(None)
        loop.close()


def _finish(loop: VirtualLoop) -> None:
    loop.let_go()
    left = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
