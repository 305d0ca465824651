"""Targets, entries and policies that the stories are told with."""

from perdure_protos.perdure.protocol.v1.journal_pb2 import (
    AttachCommand,
    AwaitSignalCommand,
    AwakeableCommand,
    CallCommand,
    CancelCommand,
    Cancellation,
    ClearAllStateCommand,
    ClearStateCommand,
    CompleteAwakeableCommand,
    CompletePromiseCommand,
    Completion,
    Entry,
    Failure,
    GetPromiseCommand,
    GetStateCommand,
    GetStateKeysCommand,
    InvocationName,
    Outcome,
    OutputCommand,
    PeekPromiseCommand,
    RunCommand,
    SendCommand,
    SendSignalCommand,
    SetStateCommand,
    Signal,
    SleepCommand,
    StepFailure,
)
from perdure_protos.perdure.protocol.v1.journal_pb2 import Target as WireTarget
from perdure_runtime.partition.machine import Step
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import Mode, Target
from perdure_runtime.partition.writes import Writes

ORDER = Target("shop.v1.OrderService", "Process", "")
EMAIL = Target("shop.v1.EmailService", "Email", "")
ALICE = Target("shop.v1.UserAccount", "UpdateBalance", "alice")
BOB = Target("shop.v1.UserAccount", "UpdateBalance", "bob")
ALICE_READ = Target("shop.v1.UserAccount", "GetBalance", "alice")
SIGNUP = Target("shop.v1.Signup", "Run", "ada")
VERIFY = Target("shop.v1.Signup", "Verify", "ada")

WRITER = Mode(exclusive=True)
ONE_RUN = Mode(exclusive=True, once=True)

# What an input that comes too late or twice does.
NOTHING = Step(Writes(), [])

FOREVER = Execution()
ONCE = Execution(RetryPolicy(max_attempts=1, pause=False))
ONCE_THEN_PAUSE = Execution(RetryPolicy(max_attempts=1))


def call(
    target: Target,
    input: bytes = b"",
    idempotency_key: str = "",
    headers: dict[str, str] | None = None,
    must_be_new: bool = False,
) -> Entry:
    command = CallCommand(target=_wire(target), input=input, idempotency_key=idempotency_key, headers=headers or {})
    command.must_be_new = must_be_new
    return Entry(call=command)


def called(call: Entry, invocation_id: str) -> Entry:
    """A call as it stands in the journal: with the invocation that it has become."""
    journaled = Entry.FromString(call.SerializeToString())
    journaled.call.invocation_id = invocation_id
    return journaled


def send(
    target: Target, input: bytes = b"", idempotency_key: str = "", delay_ms: int = 0, must_be_new: bool = False
) -> Entry:
    command = SendCommand(target=_wire(target), input=input, idempotency_key=idempotency_key, delay_ms=delay_ms)
    command.must_be_new = must_be_new
    return Entry(send=command)


def sleep(duration_ms: int) -> Entry:
    return Entry(sleep=SleepCommand(duration_ms=duration_ms))


def run(name: str = "charge") -> Entry:
    return Entry(run=RunCommand(name=name))


def set_state(name: str, value: bytes) -> Entry:
    return Entry(set_state=SetStateCommand(name=name, value=value))


def read_state(name: str, value: bytes | None) -> Entry:
    """What a handler has read of the state, as it is recorded."""
    if value is None:
        return Entry(clear_state=ClearStateCommand(name=name, read=True))
    return Entry(set_state=SetStateCommand(name=name, value=value, read=True))


def clear_state(name: str) -> Entry:
    return Entry(clear_state=ClearStateCommand(name=name))


def clear_all_state() -> Entry:
    return Entry(clear_all_state=ClearAllStateCommand())


def get_state(name: str) -> Entry:
    return Entry(get_state=GetStateCommand(name=name))


def get_state_keys() -> Entry:
    return Entry(get_state_keys=GetStateKeysCommand())


def awakeable(id: str) -> Entry:
    return Entry(awakeable=AwakeableCommand(id=id, type="shop.v1.Payment"))


def complete_awakeable(id: str, result: bytes | Failure = b"") -> Entry:
    return Entry(complete_awakeable=CompleteAwakeableCommand(id=id, result=outcome(result)))


def get_promise(name: str) -> Entry:
    return Entry(get_promise=GetPromiseCommand(name=name))


def peek_promise(name: str) -> Entry:
    return Entry(peek_promise=PeekPromiseCommand(name=name))


def complete_promise(name: str, result: bytes | Failure = b"") -> Entry:
    return Entry(complete_promise=CompletePromiseCommand(name=name, result=outcome(result)))


def await_signal(name: str) -> Entry:
    return Entry(await_signal=AwaitSignalCommand(name=name, type="shop.v1.Approval"))


def send_signal(to: str | Target, name: str, result: bytes | Failure = b"") -> Entry:
    return Entry(send_signal=SendSignalCommand(invocation=_named(to), name=name, result=outcome(result)))


def attach(to: str | Target) -> Entry:
    return Entry(attach=AttachCommand(invocation=_named(to)))


def output(of: str | Target) -> Entry:
    return Entry(output=OutputCommand(invocation=_named(of)))


def cancel(what: str | Target) -> Entry:
    return Entry(cancel=CancelCommand(name=_named(what)))


def cancel_call(command: int) -> Entry:
    return Entry(cancel=CancelCommand(call=command))


def cancelled(at_ms: int) -> Entry:
    return Entry(cancellation=Cancellation(at_ms=at_ms))


def completion(command: int, at_ms: int, result: bytes | Failure = b"") -> Completion:
    if isinstance(result, Failure):
        return Completion(command=command, at_ms=at_ms, failure=result)
    return Completion(command=command, at_ms=at_ms, value=result)


def completed(command: int, at_ms: int, result: bytes | Failure = b"") -> Entry:
    return Entry(completion=completion(command, at_ms, result))


def step_failed(command: int, at_ms: int, message: str) -> Entry:
    return Entry(step_failure=StepFailure(command=command, at_ms=at_ms, message=message))


def signal(name: str, result: bytes | Failure = b"") -> Entry:
    """A signal that came before its wait."""
    return Entry(signal=Signal(name=name, result=outcome(result)))


def failure(message: str, code: int = 9) -> Failure:
    return Failure(code=code, message=message)


def code_of(result: bytes | Failure | None) -> int:
    """The status code of a result that is a failure, and else 0."""
    return result.code if isinstance(result, Failure) else 0


def outcome(result: bytes | Failure) -> Outcome:
    return Outcome(failure=result) if isinstance(result, Failure) else Outcome(value=result)


def _named(what: str | Target) -> InvocationName:
    """An invocation by its id, or the run of a workflow."""
    return InvocationName(invocation_id=what) if isinstance(what, str) else InvocationName(workflow=_wire(what))


def _wire(target: Target) -> WireTarget:
    return WireTarget(service=target.service, handler=target.handler, key=target.key)
