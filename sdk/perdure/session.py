"""The endpoint's side of a session with a node: many attempts at once, whatever carries the frames."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure, EndpointFrame, NodeFrame, Start

from perdure import codec, handler_tasks
from perdure.attempt import Attempt
from perdure.driver import Driver
from perdure.endpoint import BoundHandler, Endpoint
from perdure.errors import ProtocolViolation, StatusCode, TerminalError
from perdure.logs import fields_of
from perdure.workers import Workers

log = logging.getLogger("perdure")


class EndpointSession:
    """Runs the attempts that one node starts. Make and use it within a running event loop."""

    def __init__(self, endpoint: Endpoint, send: Callable[[list[EndpointFrame]], None]) -> None:
        """Runs handlers of the endpoint; ``send`` gets the frames for the node, at most once a turn of the loop."""
        self._endpoint = endpoint
        self.step_threads = endpoint.step_threads
        self._send = send
        self._loop = asyncio.get_running_loop()
        handler_tasks.watch(self._loop)
        self._attempts: dict[int, Attempt] = {}
        self._workers = Workers(self._loop)
        self._frames: list[EndpointFrame] = []
        self._closed = False

    def receive(self, frames: Sequence[NodeFrame]) -> None:
        """Takes in frames of the node, in their order."""
        if self._closed:
            return
        for frame in frames:
            attempt = self._attempts.get(frame.slot)
            if frame.HasField("start"):
                self._start(frame.slot, frame.start)
            elif attempt is None:
                continue  # The attempt had its last word before the node knew.
            elif frame.HasField("abort"):
                log.info("%s was aborted: %s", attempt, frame.abort.reason, extra=fields_of(attempt))
                attempt.abort()
            else:
                attempt.receive(frame)

    async def close(self) -> None:
        """Stops all handlers, and sends nothing more."""
        self._closed = True
        for attempt in list(self._attempts.values()):
            attempt.abort()
        self._frames.clear()
        await self._workers.close()

    def emit(self, frame: EndpointFrame) -> None:
        """Queues a frame for the node."""
        if not self._frames:
            self._loop.call_soon(self._flush)
        self._frames.append(frame)

    def forget(self, slot: int) -> None:
        """The attempt of this slot has said its last word."""
        del self._attempts[slot]

    def _flush(self) -> None:
        frames, self._frames = self._frames, []
        if frames and not self._closed:
            self._send(frames)

    def _start(self, slot: int, start: Start) -> None:
        if slot in self._attempts:
            self._refuse(slot, f"slot {slot} runs {start.invocation_id} already: the node used it twice")
            return
        bound = self._endpoint.find(start.target.service, start.target.handler)
        if bound is None:
            served = ", ".join(self._endpoint.services)
            self._refuse(
                slot,
                f"this endpoint has no {start.target.service}/{start.target.handler}, it serves {served}: register the "
                "endpoint again, or start the one that has it",
            )
            return
        try:
            attempt = Attempt(self, slot, start, bound, self._loop)
        except ProtocolViolation as error:
            self._refuse(slot, str(error))
            return
        self._attempts[slot] = attempt
        self._workers.submit(lambda task: self._run(attempt, bound, task))

    async def _run(self, attempt: Attempt, bound: BoundHandler, task: asyncio.Task[None]) -> None:
        if not attempt.open:
            return
        try:
            request = codec.decode(bound.handler.request, attempt.start.input)
            handler = bound.function(bound.context(attempt), request)
        except codec.MalformedMessage as error:
            attempt.refuse(TerminalError(f"{bound.name}: {error}", StatusCode.INVALID_ARGUMENT))
            return
        except Exception as error:
            # Nobody above could tell the node.
            attempt.fail(error)
            return
        await Driver(attempt, lambda: self._workers.blocked(task)).drive(handler, task)

    def _refuse(self, slot: int, message: str) -> None:
        log.warning("%s", message)
        self.emit(EndpointFrame(slot=slot, attempt_failure=AttemptFailure(message=message)))
