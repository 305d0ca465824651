"""Commands, callers and handlers as they stand in messages."""

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1 import journal_pb2

from perdure_runtime.partition.rows import Caller, Mode, Target


def caller_message(caller: Caller) -> message_pb2.Caller:
    """A command of an invocation, for another partition."""
    return message_pb2.Caller(invocation_id=caller.invocation_id, command=caller.command)


def caller_of(message: message_pb2.Caller) -> Caller:
    """A command of an invocation in another partition."""
    return Caller(message.invocation_id, message.command)


def target_of(message: journal_pb2.Target) -> Target:
    """A handler that a command or a message names."""
    return Target(message.service, message.handler, message.key)


def target_message(target: Target) -> journal_pb2.Target:
    """A handler, for another partition."""
    return journal_pb2.Target(service=target.service, handler=target.handler, key=target.key)


def mode_of(message: message_pb2.Mode) -> Mode:
    """How a handler runs that a message names."""
    return Mode(
        exclusive=message.exclusive,
        once=message.once,
        explicit_cancellation=message.explicit_cancellation,
        outcome_retention_ms=message.outcome_retention_ms,
        journal_retention_ms=message.journal_retention_ms,
    )


def mode_message(mode: Mode) -> message_pb2.Mode:
    """How a handler runs, for another partition."""
    return message_pb2.Mode(
        exclusive=mode.exclusive,
        once=mode.once,
        explicit_cancellation=mode.explicit_cancellation,
        outcome_retention_ms=mode.outcome_retention_ms,
        journal_retention_ms=mode.journal_retention_ms,
    )
