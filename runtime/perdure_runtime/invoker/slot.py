"""One attempt in a session: its frames become inputs of the partition, numbered so that none counts twice."""

from collections.abc import Iterable

from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry
from perdure_protos.perdure.protocol.v1.session_pb2 import AttemptFailure, EndpointFrame

from perdure_runtime.contracts import Contracts, HandlerFacts
from perdure_runtime.partition.input import (
    AttemptEnded,
    AttemptFailed,
    AttemptLost,
    AttemptSuspended,
    Command,
    Input,
    StepEnded,
    StepFailed,
)
from perdure_runtime.partition.journal import Journal, is_command
from perdure_runtime.partition.rows import SHARED
from perdure_runtime.telemetry.tallies import HandlerTally


class Slot:
    """Counts what the attempt has sent; the journal that it started with gives the first numbers."""

    __slots__ = (
        "_commands",
        "_deployment_id",
        "_facts",
        "_step_failures",
        "_tally",
        "attempt",
        "has_spoken",
        "heard_at",
        "id",
        "invocation_id",
    )

    def __init__(
        self,
        id: int,
        invocation_id: str,
        attempt: int,
        facts: HandlerFacts,
        journal: Iterable[Entry],
        heard_at: float = 0.0,
        deployment_id: str = "",
        tally: HandlerTally | None = None,
    ) -> None:
        self._deployment_id = deployment_id
        self._tally = HandlerTally() if tally is None else tally
        # When the endpoint and this node last said something of it to each other, in the seconds of the event loop.
        self.heard_at = heard_at
        self.has_spoken = False
        self.id = id
        self.invocation_id = invocation_id
        self.attempt = attempt
        self._facts = facts
        self._step_failures: dict[int, int] = {}
        self._commands = 0
        if journal:
            started_with = Journal(journal)
            self._commands = started_with.commands
            self._step_failures = {step: started_with.step_failures(step) for step in started_with.open_steps}

    def input(self, frame: EndpointFrame, contracts: Contracts) -> Input:
        """What a frame of the endpoint means to the partition."""
        kind = frame.WhichOneof("frame")
        if kind == "entry":
            return self._entry(frame.entry, contracts, accepted=frame.cancellation_accepted)
        if kind == "outcome":
            return AttemptEnded(self.invocation_id, self.attempt, frame.outcome, self._facts.execution)
        if kind == "suspension":
            self._tally.suspensions += 1
            return AttemptSuspended(
                self.invocation_id, self.attempt, tuple(frame.suspension.awaiting), frame.suspension.cancelled
            )
        if kind == "attempt_failure":
            self._tally.retries += 1
            return AttemptFailed(self.invocation_id, self.attempt, frame.attempt_failure, self._facts.execution)
        return self.failed("the endpoint sent a frame that this node does not know: its SDK is newer; update the node")

    def __str__(self) -> str:
        return f"attempt {self.attempt} of {self.invocation_id}"

    @property
    def fields(self) -> dict[str, object]:
        """What a log line of it says beside its sentence."""
        handler = f"{self._facts.service}/{self._facts.name}"
        return {"invocation_id": self.invocation_id, "handler": handler, "attempt": self.attempt}

    @property
    def patience_s(self) -> float:
        """How long the attempt may say nothing, in seconds."""
        execution = self._facts.execution
        return (execution.inactivity_timeout_ms + execution.abort_timeout_ms) / 1000

    def is_stuck(self, now_s: float) -> bool:
        """Whether the attempt has said nothing for longer than it may."""
        return now_s - self.heard_at > self.patience_s

    def lost(self) -> AttemptLost:
        """The session broke."""
        self._tally.lost += 1
        return AttemptLost(self.invocation_id, self.attempt)

    def failed(self, message: str) -> AttemptFailed:
        """The node itself ends the attempt; it is tried again as the handler's policy says."""
        self._tally.retries += 1
        return AttemptFailed(self.invocation_id, self.attempt, AttemptFailure(message=message), self._facts.execution)

    def _entry(self, entry: Entry, contracts: Contracts, *, accepted: bool) -> Input:
        kind = entry.WhichOneof("entry")
        if kind == "completion":
            self._tally.steps += 1
            return StepEnded(self.invocation_id, self.attempt, entry.completion)
        if kind == "step_failure":
            self._tally.step_failures += 1
            step = entry.step_failure.command
            self._step_failures[step] = number = self._step_failures.get(step, 0) + 1
            return StepFailed(self.invocation_id, self.attempt, entry.step_failure, number)
        if kind is None or not is_command(entry):
            return self.failed(
                f"the endpoint sent an entry of kind {kind} that is not its to send: its SDK is newer; update the node"
            )
        mode = SHARED
        if kind in ("call", "send"):
            target = entry.call.target if kind == "call" else entry.send.target
            service = contracts.get(target.service)
            handler = service.handlers.get(target.handler) if service is not None else None
            if handler is None:
                return self.failed(
                    f"called {target.service}/{target.handler}, which no registered deployment serves; "
                    "register the endpoint that does: perdure deployments register ADDRESS"
                )
            mode = handler.mode
        command = self._commands
        self._commands += 1
        return Command(self.invocation_id, self.attempt, command, entry, mode, self._deployment_id, accepted)
