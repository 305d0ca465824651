"""What commands, callers and handlers are called in messages."""

from perdure_protos.perdure.peer.v1 import message_pb2
from perdure_protos.perdure.protocol.v1 import journal_pb2

from perdure_runtime.partition.rows import Caller, Target


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
