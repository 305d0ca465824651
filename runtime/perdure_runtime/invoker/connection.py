"""The connection to one process of an endpoint: opened again whenever it breaks, with the attempts that it runs."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.session_pb2 import EndpointFrame, NodeFrame

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.invoker.slot import Slot
from perdure_runtime.invoker.transport import EndpointUnreachable, Link, Transport
from perdure_runtime.partition.effect import Start
from perdure_runtime.partition.input import AttemptFailed, Input
from perdure_runtime.telemetry.context import headers_within
from perdure_runtime.telemetry.metrics import Metrics

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
# Attempts that say nothing any more are looked for this often.
WATCH_EVERY_S = 1.0
# An endpoint that is away for longer is reported to those who wait for it.
GRACE_S = 10.0

log = logging.getLogger(__name__)

# Frames that end an attempt.
LAST = frozenset({"outcome", "suspension", "attempt_failure"})


class Connection:
    """Attempts at one process."""

    def __init__(
        self,
        transport: Transport,
        offer: Callable[[Input], None],
        contracts: Callable[[], Contracts],
        on_away: Callable[["Connection"], None],
        deployment_id: str = "",
        on_idle: Callable[["Connection"], None] = lambda connection: None,
        on_open: Callable[["Connection"], None] = lambda connection: None,
        metrics: Metrics | None = None,
    ) -> None:
        """``on_idle`` is told when the last attempt here has ended; whoever cancels ``run`` then ends the session.

        ``on_open`` is told when a session is open, and ``on_away`` when there has been none for GRACE_S.
        """
        self.deployment_id = deployment_id
        # Attempts that were started and have said nothing yet.
        self.silent = 0
        self._transport = transport
        self._offer = offer
        self._contracts = contracts
        self._on_away = on_away
        self._on_idle = on_idle
        self._on_open = on_open
        metrics = Metrics() if metrics is None else metrics
        self._handlers = metrics.handlers
        self._tally = metrics.sessions.of(transport.address)
        self._link: Link | None = None
        self._slots: dict[int, Slot] = {}
        self._running: dict[str, Slot] = {}
        self._last_slot = 0
        self._away: str = ""
        # Why the newest try to reach the process failed.
        self._reason = ""

    @property
    def address(self) -> str:
        """What people know the process by."""
        return self._transport.address

    @property
    def away(self) -> str:
        """Why the process does not answer, once it has not for GRACE_S; else empty."""
        return self._away

    @property
    def is_open(self) -> bool:
        """Whether attempts can start here now."""
        return self._link is not None

    @property
    def running(self) -> int:
        """How many attempts run here."""
        return len(self._slots)

    def start(self, start: Start, facts: HandlerFacts) -> None:
        """Runs an attempt. The session must be open."""
        assert self._link is not None
        self._last_slot += 1
        invocation = start.invocation
        heard_at = asyncio.get_running_loop().time()
        tally = self._handlers.of(facts.service, facts.name)
        tally.attempts += 1
        slot = Slot(
            self._last_slot,
            invocation.id,
            invocation.attempt,
            facts,
            start.journal,
            heard_at,
            self.deployment_id,
            tally,
        )
        self._slots[slot.id] = slot
        self.silent += 1
        self._running[invocation.id] = slot
        self._link.send(NodeFrame(slot=slot.id, start=start_frame(start, facts, self.deployment_id)))

    def slot(self, invocation_id: str, attempt: int) -> Slot | None:
        """The slot of an attempt that runs here."""
        slot = self._running.get(invocation_id)
        return slot if slot is not None and slot.attempt == attempt else None

    def send(self, frame: NodeFrame) -> None:
        """Sends a frame to the slot that it names."""
        if self._link is not None:
            self._link.send(frame)

    def stop(self, slot: Slot, reason: str) -> None:
        """Ends an attempt from this side."""
        self._forget(slot)
        self.send(NodeFrame(slot=slot.id, abort=session_pb2.Abort(reason=reason)))

    def abort_all(self, reason: str, where: Callable[[str], bool]) -> None:
        """Stops all attempts of the invocations for whose id ``where`` says so."""
        for slot in [slot for slot in self._slots.values() if where(slot.invocation_id)]:
            self.stop(slot, reason)

    def lose_all(self, reason: str) -> None:
        """Stops all attempts, as if the session had broken: the partition starts the next ones."""
        for slot in list(self._slots.values()):
            self.stop(slot, reason)
            self._offer(slot.lost())

    async def run(self) -> None:
        """Keeps a session open until cancelled."""
        pause_s = FIRST_PAUSE_S
        away: asyncio.TimerHandle | None = None
        clock = asyncio.get_running_loop()
        self._tally.is_wanted = True
        try:
            while True:
                if away is None:
                    self._reason = "it has not answered yet"
                    away = clock.call_later(GRACE_S, self._report_away)
                try:
                    link = await self._transport.open(self._receive)
                except EndpointUnreachable as error:
                    self._reason = str(error)
                    if self._away:
                        self._away = self._reason
                    log.info("endpoint %s: %s; next try in %.2f s", self.address, error, pause_s)
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
                    continue
                away.cancel()
                away, self._away, pause_s = None, "", FIRST_PAUSE_S
                await self._hold(link)
                if not self._slots:
                    self._on_idle(self)
                    await asyncio.sleep(0)  # Where nobody wants the endpoint any more, it is not looked for again.
        finally:
            self._tally.is_wanted = False
            self._away = ""
            if away is not None:
                away.cancel()

    async def _hold(self, link: Link) -> None:
        self._link = link
        self._tally.opened += 1
        self._tally.is_open = True
        log.info("endpoint %s: session open", self.address)
        watching = asyncio.create_task(self._watch())
        try:
            self._on_open(self)
            reason = await link.closed()
            self._tally.broken += 1
            log.warning("endpoint %s: session broken: %s; %d attempts lost", self.address, reason, len(self._slots))
        finally:
            self._link = None
            self._tally.is_open = False
            watching.cancel()
            # Before the wait: a session that is opened meanwhile has slots of its own.
            slots, self._slots, self._running = self._slots, {}, {}
            self.silent = 0
            await link.close()
            for slot in slots.values():
                self._offer(slot.lost())

    def _receive(self, frames: Sequence[EndpointFrame]) -> None:
        contracts = self._contracts()
        now_s = asyncio.get_running_loop().time()
        for frame in frames:
            slot = self._slots.get(frame.slot)
            if slot is None:
                continue  # Late words of an attempt that has ended.
            slot.heard_at = now_s
            if not slot.has_spoken:
                slot.has_spoken = True
                self.silent -= 1
            input = slot.input(frame, contracts)
            if isinstance(input, AttemptFailed) and frame.WhichOneof("frame") != "attempt_failure":
                log.warning("%s was stopped: %s", slot, input.failure.message, extra=slot.fields)
                self.stop(slot, input.failure.message)
            elif frame.WhichOneof("frame") in LAST:
                self._forget(slot)
            self._offer(input)

    async def _watch(self) -> None:
        """Aborts attempts that have said nothing for as long as their handler may, and tries them again."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            now_s = asyncio.get_running_loop().time()
            for slot in [slot for slot in self._slots.values() if slot.is_stuck(now_s)]:
                failed = slot.failed(
                    f"the handler has said nothing for {slot.patience_s:g} s and was aborted: it hangs, or one of its "
                    "steps takes longer than its inactivity_timeout and abort_timeout together"
                )
                log.warning("%s was stopped: %s", slot, failed.failure.message, extra=slot.fields)
                self.stop(slot, failed.failure.message)
                self._offer(failed)

    def _forget(self, slot: Slot) -> None:
        del self._slots[slot.id]
        self.silent -= not slot.has_spoken
        if self._running.get(slot.invocation_id) is slot:
            del self._running[slot.invocation_id]
        if not self._slots:
            self._on_idle(self)

    def _report_away(self) -> None:
        self._away = self._reason
        self._on_away(self)


def start_frame(start: Start, facts: HandlerFacts, deployment_id: str) -> session_pb2.Start:
    """The first frame of an attempt."""
    invocation = start.invocation
    target = invocation.target
    frame = session_pb2.Start(
        invocation_id=invocation.id,
        attempt=invocation.attempt,
        input=invocation.input,
        idempotency_key=invocation.idempotency_key,
        created_at_ms=invocation.created_at_ms,
        inactivity_timeout_ms=facts.execution.inactivity_timeout_ms,
        partial_state=start.partial,
        explicit_cancellation=invocation.mode.explicit_cancellation,
        deployment_id=deployment_id,
    )
    frame.target.service = target.service
    frame.target.handler = target.handler
    frame.target.key = target.key
    if invocation.headers:
        frame.headers.update(headers_within(invocation.id, invocation.headers))
    if start.journal:
        frame.journal.extend(start.journal)
    if start.state:
        frame.state.update(start.state)
    return frame
