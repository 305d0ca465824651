"""Callers that wait: for their call to be accepted, and for invocations to end."""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeAlias

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

EndedFuture: TypeAlias = "asyncio.Future[tuple[str, Outcome]]"
AcceptedFuture: TypeAlias = "asyncio.Future[str]"

# Futures of callers that have gone are cleared away when so many wait for one invocation.
CROWD = 16


class Waiters:
    """Futures by invocation id. A caller that gives up cancels its future, and the invocation goes on."""

    def __init__(self) -> None:
        self._accepts: dict[str, AcceptedFuture] = {}
        self._calls: dict[str, EndedFuture] = {}
        self._ends: dict[str, list[EndedFuture]] = {}

    def accepted(self, submitted: str) -> AcceptedFuture:
        """Gives the invocation id once the call ``submitted`` is durable."""
        future: AcceptedFuture = asyncio.get_running_loop().create_future()
        self._accepts[submitted] = future
        return future

    def called(self, submitted: str) -> EndedFuture:
        """Gives id and outcome once the invocation that the call ``submitted`` is has ended."""
        future: EndedFuture = asyncio.get_running_loop().create_future()
        self._calls[submitted] = future
        return future

    def ended(self, invocation_id: str) -> EndedFuture:
        """Gives id and outcome once an invocation has ended from now on."""
        future: EndedFuture = asyncio.get_running_loop().create_future()
        self._wait(invocation_id, future)
        return future

    def accept(
        self, submitted: str, invocation_id: str, existing: bool, ended: Callable[[str], Outcome | None]
    ) -> None:
        """A call is durable; ``ended`` tells the outcome of an invocation that was ``existing`` before."""
        accept = self._accepts.pop(submitted, None)
        if accept is not None and not accept.done():
            accept.set_result(invocation_id)
        call = self._calls.get(submitted)
        # What it raises leaves the caller here, to be refused.
        outcome = ended(invocation_id) if call is not None and existing else None
        self._calls.pop(submitted, None)
        if call is None or call.done():
            return
        if outcome is not None:
            call.set_result((invocation_id, outcome))
        else:
            self._wait(invocation_id, call)

    @property
    def awaited(self) -> list[str]:
        """The invocations whose end somebody waits for."""
        return list(self._ends)

    def end(self, invocation_id: str, outcome: Outcome) -> None:
        """An invocation has ended, durably."""
        for future in self._ends.pop(invocation_id, ()):
            if not future.done():
                future.set_result((invocation_id, outcome))

    def abandon(self, invocation_id: str, future: EndedFuture) -> None:
        """A caller has gone."""
        # The call may have been repeated meanwhile: then somebody else waits for it.
        if self._calls.get(invocation_id) is future:
            del self._calls[invocation_id]
        waiting = self._ends.get(invocation_id, [])
        if future in waiting:
            waiting.remove(future)
        if not waiting:
            self._ends.pop(invocation_id, None)

    def fail(self, invocation_ids: Iterable[str], error: Callable[[str], Exception]) -> None:
        """Those who wait for the end of these invocations get an error instead."""
        for invocation_id in invocation_ids:
            for future in self._ends.pop(invocation_id, ()):
                if not future.done():
                    future.set_exception(error(invocation_id))

    def refuse(self, submitted: str, error: Exception) -> None:
        """A call never became durable."""
        for future in (self._accepts.pop(submitted, None), self._calls.pop(submitted, None)):
            if future is not None and not future.done():
                future.set_exception(error)

    def refuse_all(self, error: Callable[[], Exception]) -> None:
        """No call that waits to become durable ever will."""
        for submitted in [*self._accepts, *self._calls]:
            self.refuse(submitted, error())

    def close(self, refused: Callable[[], Exception], stopped: Callable[[str], Exception]) -> None:
        """Nobody is answered any more: neither whose call never became durable, nor who waits for an end."""
        self.refuse_all(refused)
        self.fail(list(self._ends), stopped)

    def _wait(self, invocation_id: str, future: EndedFuture) -> None:
        waiting = self._ends.setdefault(invocation_id, [])
        if len(waiting) >= CROWD:
            waiting[:] = [other for other in waiting if not other.done()]
        waiting.append(future)
