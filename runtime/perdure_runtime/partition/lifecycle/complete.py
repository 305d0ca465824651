"""Results come to the command that asked for them."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, Outcome

from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Notify
from perdure_runtime.partition.lifecycle.begin import begin
from perdure_runtime.partition.rows import Ended, Running, Suspended


def complete(draft: Draft, invocation_id: str, command: int, result: bytes | Failure) -> None:
    """Journals the result of a command once, and tells or wakes the invocation that waits for it."""
    invocation = draft.invocation(invocation_id)
    if invocation is None or isinstance(invocation.status, Ended) or draft.settled(invocation_id, command):
        return
    completion = completion_of(command, draft.now_ms, result)
    draft.append(invocation_id, Entry(completion=completion))
    match invocation.status:
        case Running():
            draft.emit(Notify(invocation_id, invocation.attempt, completion))
        case Suspended(awaiting) if command in awaiting:
            begin(draft, invocation)
        case _:
            pass  # The next attempt finds it in its journal.


def completion_of(command: int, at_ms: int, result: bytes | Failure) -> Completion:
    """The journal's message for a result."""
    if isinstance(result, Failure):
        return Completion(command=command, at_ms=at_ms, failure=result)
    return Completion(command=command, at_ms=at_ms, value=result)


def outcome_of(result: bytes | Failure) -> Outcome:
    """A result as it is stored and sent."""
    return Outcome(failure=result) if isinstance(result, Failure) else Outcome(value=result)


def result_of(outcome: Outcome) -> bytes | Failure:
    """What a command completes with that waited for this outcome."""
    return outcome.failure if outcome.HasField("failure") else outcome.value
