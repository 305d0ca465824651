"""Targets, entries and policies that the stories are told with."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    CallCommand,
    ClearStateCommand,
    Completion,
    Entry,
    Failure,
    Outcome,
    RunCommand,
    SendCommand,
    SetStateCommand,
    SleepCommand,
    StepFailure,
)
from perdure_protos.perdure.protocol.v1.journal_pb2 import Target as WireTarget
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import Target
from perdure_runtime.partition.writes import Writes

ORDER = Target("shop.v1.OrderService", "Process", "")
EMAIL = Target("shop.v1.EmailService", "Email", "")
ALICE = Target("shop.v1.UserAccount", "UpdateBalance", "alice")
BOB = Target("shop.v1.UserAccount", "UpdateBalance", "bob")
ALICE_READ = Target("shop.v1.UserAccount", "GetBalance", "alice")

# What an input that comes too late or twice does.
NOTHING = Step(Writes(), [])

FOREVER = Execution()
ONCE = Execution(RetryPolicy(max_attempts=1, pause=False))
ONCE_THEN_PAUSE = Execution(RetryPolicy(max_attempts=1))


def call(target: Target, input: bytes = b"", idempotency_key: str = "", headers: dict[str, str] | None = None) -> Entry:
    command = CallCommand(target=_wire(target), input=input, idempotency_key=idempotency_key, headers=headers or {})
    return Entry(call=command)


def send(target: Target, input: bytes = b"", idempotency_key: str = "", delay_ms: int = 0) -> Entry:
    command = SendCommand(target=_wire(target), input=input, idempotency_key=idempotency_key, delay_ms=delay_ms)
    return Entry(send=command)


def sleep(duration_ms: int) -> Entry:
    return Entry(sleep=SleepCommand(duration_ms=duration_ms))


def run(name: str = "charge") -> Entry:
    return Entry(run=RunCommand(name=name))


def set_state(name: str, value: bytes) -> Entry:
    return Entry(set_state=SetStateCommand(name=name, value=value))


def clear_state(name: str) -> Entry:
    return Entry(clear_state=ClearStateCommand(name=name))


def completion(command: int, at_ms: int, result: bytes | Failure = b"") -> Completion:
    if isinstance(result, Failure):
        return Completion(command=command, at_ms=at_ms, failure=result)
    return Completion(command=command, at_ms=at_ms, value=result)


def completed(command: int, at_ms: int, result: bytes | Failure = b"") -> Entry:
    return Entry(completion=completion(command, at_ms, result))


def step_failed(command: int, at_ms: int, message: str) -> Entry:
    return Entry(step_failure=StepFailure(command=command, at_ms=at_ms, message=message))


def failure(message: str, code: int = 9) -> Failure:
    return Failure(code=code, message=message)


def outcome(result: bytes | Failure) -> Outcome:
    return Outcome(failure=result) if isinstance(result, Failure) else Outcome(value=result)


def _wire(target: Target) -> WireTarget:
    return WireTarget(service=target.service, handler=target.handler, key=target.key)
