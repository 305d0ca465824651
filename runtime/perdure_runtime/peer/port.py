"""What a node does for its peers, and how it knows where partitions are."""

from collections.abc import Sequence
from typing import Protocol

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.ingress.port import AwakeableFacts, EndedInvocation, HandlerName, InvocationName
from perdure_runtime.partition.input import EditState, SettlePromise, Submit
from perdure_runtime.storage.api import Parcel


class Moved(Exception):
    """The partition is not here, or not any more, and its owner is to be asked.

    Nothing was done, unless ``accepted`` names the invocation whose end was waited for: the owner goes on with it.
    """

    def __init__(self, partition: int, accepted: str = "") -> None:
        super().__init__(f"partition {partition} is not at this node")
        self.partition = partition
        self.accepted = accepted


class PeerUnreachable(Exception):
    """A peer did not answer. Whether it did what it was asked is unknown where ``sent`` is true; else it did not."""

    def __init__(self, address: str, reason: str, *, sent: bool) -> None:
        super().__init__(f"the node at {address} did not answer: {reason}")
        self.address = address
        self.sent = sent


class Residents(Protocol):
    """The invocations in the partitions of one node. All methods raise Moved where they are not there.

    They raise what ``ingress.port.Invocations`` and ``ingress.port.Administration`` say of the methods of their names.
    """

    async def submit(self, submit: Submit) -> str: ...

    async def call(self, submit: Submit) -> tuple[str, Outcome]: ...

    async def attach(self, name: InvocationName) -> EndedInvocation: ...

    async def output(self, name: InvocationName) -> EndedInvocation | None: ...

    async def handler_of(self, name: InvocationName) -> HandlerName: ...

    async def cancel(self, name: InvocationName) -> None: ...

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None: ...

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None: ...

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts: ...

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None: ...

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None: ...

    async def pause(self, invocation_id: str) -> None: ...

    async def stop(self, invocation_id: str) -> None:
        """Cancels it, as an operator."""

    async def kill(self, invocation_id: str) -> None: ...

    async def restart(self, invocation_id: str, from_entry: int) -> str: ...

    async def purge(self, invocation_id: str) -> None: ...

    async def edit_state(self, edit: EditState) -> None: ...

    async def settle_promise(self, settle: SettlePromise) -> None: ...

    async def refresh(self) -> None:
        """Reads which deployments there are; returns once this node routes by them. Raises StorageFailure."""


class Post(Protocol):
    """Messages between partitions as they come in from peers. All methods return at once."""

    def receive(self, parcels: Sequence[Parcel]) -> None:
        """Messages for partitions that should be here; those for others are dropped, and come again."""

    def acknowledged(self, source: int, destination: int, seq: int) -> None:
        """The owner of ``destination`` has all messages of ``source`` up to this number."""

    def look(self) -> None:
        """Something has changed in the cluster: who owns what, or which deployments there are."""


class Directory(Protocol):
    """Where partitions are, as far as this node knows."""

    def is_here(self, partition: int) -> bool:
        """Whether this node owns it, and can be sure of it: its lease runs."""

    def address(self, partition: int) -> str:
        """Where the peer is reached that owns it; empty where nobody is known to."""

    def suspect(self, partition: int) -> None:
        """What is known of this one has just been found wrong, or its owner does not answer: look again soon."""

    async def changed(self) -> None:
        """Waits until something is known that was not before."""
