"""Callers that do not give up: a call is made again, with the same idempotency key and at any node, until answered."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import perdure

from chaos.history import Call, Recorder, Refused, Unanswered
from chaos.ledger import moment_s

PAUSE_S = 0.2

T = TypeVar("T")


class NoAnswer(Exception):
    """The call was refused, or the run is over; the history has it."""


class Asker:
    """Makes calls through all nodes."""

    def __init__(self, ingresses: Sequence[str], recorder: Recorder, try_s: float, *, loyal: bool = False) -> None:
        """Each try waits ``try_s``; who is ``loyal`` stays with the node that has answered last."""
        self._try_s = try_s
        self._loyal = loyal
        self._clients = [perdure.Client(ingress, timeout=timedelta(seconds=try_s)) for ingress in ingresses]
        self._recorder = recorder
        self._turn = 0

    async def __call__(self, id: str, what: str, once: Callable[[perdure.Client], Awaitable[T]]) -> tuple[Call, T]:
        """Makes a call until it has an answer.

        Raises:
            NoAnswer: It was refused.
            CancelledError: Nobody waits any more; the history has it as unanswered.
        """
        began_s, tries, said = moment_s(), 0, "never tried"
        if not self._loyal:
            self._turn += 1
        at = self._turn
        try:
            while True:
                tries += 1
                try:
                    # A client gives a node some grace beyond its timeout, to say which invocation it was.
                    async with asyncio.timeout(self._try_s):
                        answer = await once(self._clients[at % len(self._clients)])
                except TimeoutError:
                    said = f"no answer within {self._try_s:g} s"
                except perdure.CallError as error:
                    said = str(error)
                except perdure.TerminalError as error:
                    if error.code is perdure.StatusCode.ALREADY_EXISTS:
                        raise
                    self._recorder.add(Refused(Call(id, began_s, moment_s(), tries), what, str(error)))
                    raise NoAnswer(f"{what} {id}: {error}") from error
                else:
                    if self._loyal:
                        self._turn = at
                    return Call(id, began_s, moment_s(), tries), answer
                at += 1
                await asyncio.sleep(PAUSE_S)
        except asyncio.CancelledError:
            self._recorder.add(Unanswered(Call(id, began_s, 0.0, tries), what, said))
            raise

    async def close(self) -> None:
        """Disconnects."""
        for client in self._clients:
            await client.close()
