"""Messages that are no requests: what awakeables and signals carry, by the names of their types."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf import message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from grpclib.const import Status

from perdure_runtime.contracts import Contracts, Descriptors
from perdure_runtime.ingress.port import AwakeableFacts
from perdure_runtime.ingress.refusal import Refusal


@dataclass(frozen=True, slots=True, eq=False)
class MessageType:
    """A message of a registered contract: its upb class, and the pool that knows what it holds."""

    message: type[Message]
    pool: DescriptorPool

    def check(self, value: bytes) -> None:
        """Reads a serialised message of this type. Raises Refusal."""
        try:
            self.message.FromString(value)
        except DecodeError as error:
            name = self.message.DESCRIPTOR.full_name
            raise Refusal(
                Status.INVALID_ARGUMENT, f"these bytes are no {name}: {error}; send one, serialised"
            ) from error


def awaited(contracts: Contracts, facts: AwakeableFacts) -> MessageType | None:
    """What an awakeable takes, by the contract of its service; None where that is not registered any more."""
    service = contracts.get(facts.service)
    return None if service is None else _find([service.descriptors], facts.type)


def named(contracts: Contracts, name: str) -> MessageType:
    """A message by its full name, in whichever contract has it. Raises Refusal."""
    found = _find(dict.fromkeys(service.descriptors for service in contracts.values()), name)
    if found is None:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"no registered contract has a message {name[:100]!r}; write its full name, such as shop.v1.Approval, "
            "or send it as application/proto",
        )
    return found


def _find(sets: Iterable[Descriptors], name: str) -> MessageType | None:
    for descriptors in sets:
        try:
            message = descriptors.pool.FindMessageTypeByName(name)
        except KeyError:
            continue
        return MessageType(message_factory.GetMessageClass(message), descriptors.pool)
    return None
