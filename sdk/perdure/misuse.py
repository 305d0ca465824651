"""What asyncio decides by the clock or the turns of this process: a replay could not repeat it, so it is refused."""

import functools
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from perdure.errors import UsageError

# Callbacks by which functions of asyncio give themselves away, and what to use in their place.
CALLBACKS = {
    "_wait.<locals>._on_completion": ("asyncio.wait", "perdure.wait"),
    "as_completed.<locals>._on_completion": ("asyncio.as_completed", "perdure.as_completed"),
    "_AsCompletedIterator._handle_completion": ("asyncio.as_completed", "perdure.as_completed"),
    "_release_waiter": ("asyncio.wait_for", "perdure.or_timeout"),
}
# Functions of asyncio.timeout and asyncio.wait_for that cut a wait off when its time is over. A TaskGroup also cancels
# its tasks, but because one of them failed: where the results come in order, so does that.
CLOCKS = frozenset({"_on_timeout", "_cancel_and_wait"})


def check_callback(callback: Callable[..., object]) -> None:
    """Whether a future may call this when it is done.

    Raises:
        UsageError: It is of a function of asyncio that must not choose.
    """
    inner = callback.func if isinstance(callback, functools.partial) else callback
    misuse = CALLBACKS.get(getattr(inner, "__qualname__", ""))
    if misuse is not None:
        raise UsageError(
            f"{misuse[0]} would decide by the clock and the turns of this process, which a replay cannot repeat: "
            f"use {misuse[1]}"
        )


def cancelled_by_clock() -> bool:
    """Whether the caller, a ``cancel`` of a future, is called because a time of asyncio's is over."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_globals.get("__name__", "").startswith("asyncio."):
        if frame.f_code.co_name in CLOCKS:
            return True
        frame = frame.f_back
    return False


def cut_off(future: Any) -> UsageError:
    """The error of a wait for a future that was cut off so."""
    return UsageError(
        f"the wait for {future!r} was cut off from outside of the journal, as asyncio.timeout does by the clock of "
        "this process, which a replay cannot repeat: use perdure.or_timeout"
    )
