"""A peer, as a node sees it: the invocations that are there, and the way for messages to it."""

import ssl
from collections.abc import Sequence

from perdure_protos.perdure.peer.v1 import peer_pb2
from perdure_protos.perdure.peer.v1.peer_pb2 import Request, Response
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome

from perdure_runtime.ingress.port import AwakeableFacts, EndedInvocation, HandlerName, InvocationName
from perdure_runtime.partition.input import EditState, SettlePromise, Submit
from perdure_runtime.peer.failures import read_failure
from perdure_runtime.peer.line import Line
from perdure_runtime.peer.vocabulary import (
    read_ended,
    read_facts,
    write_edit,
    write_name,
    write_parcel,
    write_settle,
    write_submit,
)
from perdure_runtime.storage.api import Parcel


class PeerLink:
    """Implements ``peer.port.Residents`` for the node at an address: all that waits raises PeerUnreachable too."""

    def __init__(self, address: str, tls: ssl.SSLContext | None = None) -> None:
        """Nothing is connected before it is used. Raises ValueError where ``address`` is no host:port."""
        self._line = Line(address, tls)

    # Messages. What is lost on the way comes again.

    def send_parcels(self, parcels: Sequence[Parcel]) -> None:
        """Brings messages to partitions that are there."""
        for parcel in parcels:
            self._line.tell(Request(parcel=write_parcel(parcel)))

    def acknowledge(self, source: int, destination: int, seq: int) -> None:
        """Tells that ``destination`` has all messages of ``source`` up to a number."""
        told = peer_pb2.Acknowledgement(source=source, destination=destination, seq=seq)
        self._line.tell(Request(acknowledgement=told))

    def look(self) -> None:
        """Tells that something has changed in the cluster."""
        self._line.tell(Request(look=peer_pb2.Look()))

    # What callers ask.

    async def submit(self, submit: Submit) -> str:
        """Accepts a call."""
        return (await self._ask(Request(submit=write_submit(submit)))).invocation_id

    async def call(self, submit: Submit) -> tuple[str, Outcome]:
        """Accepts a call and waits for its end."""
        called = (await self._ask(Request(call=write_submit(submit)))).called
        return called.invocation_id, called.outcome

    async def attach(self, name: InvocationName) -> EndedInvocation:
        """Waits for the end of an invocation."""
        return read_ended((await self._ask(Request(attach=write_name(name)))).ended)

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        """How an invocation has ended, or None while it runs."""
        response = await self._ask(Request(output=write_name(name)))
        return read_ended(response.ended) if response.HasField("ended") else None

    async def handler_of(self, name: InvocationName) -> HandlerName:
        """Whose an invocation is."""
        handler = (await self._ask(Request(handler_of=write_name(name)))).handler
        return HandlerName(handler.service, handler.handler)

    async def cancel(self, name: InvocationName) -> None:
        """Asks an invocation to end."""
        await self._ask(Request(cancel=write_name(name)))

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        """Gives an invocation a signal."""
        said = peer_pb2.Signal(invocation=write_name(name), name=signal, result=result)
        await self._ask(Request(signal=said))

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        """What the oldest wait for a signal takes."""
        asked = peer_pb2.SignalType(invocation=write_name(name), name=signal)
        response = await self._ask(Request(signal_type=asked))
        return read_facts(response.facts) if response.HasField("facts") else None

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Whose an awakeable is, and what it takes."""
        return read_facts((await self._ask(Request(awakeable_type=awakeable_id))).facts)

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Gives an awakeable its result."""
        completed = peer_pb2.CompleteAwakeable(id=awakeable_id, result=result)
        await self._ask(Request(complete_awakeable=completed))

    # What operators ask.

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again."""
        await self._ask(Request(resume=peer_pb2.Resume(invocation_id=invocation_id, on_newest=on_newest)))

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation where it is."""
        await self._ask(Request(pause=invocation_id))

    async def stop(self, invocation_id: str) -> None:
        """Cancels an invocation, as an operator."""
        await self._ask(Request(stop=invocation_id))

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation at once."""
        await self._ask(Request(kill=invocation_id))

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again, and returns the new one's id."""
        restart = peer_pb2.Restart(invocation_id=invocation_id, from_entry=from_entry)
        return (await self._ask(Request(restart=restart))).invocation_id

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation."""
        await self._ask(Request(purge=invocation_id))

    async def edit_state(self, edit: EditState) -> None:
        """Changes state of a key."""
        await self._ask(Request(edit_state=write_edit(edit)))

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Gives a promise of a workflow its result."""
        await self._ask(Request(complete_promise=write_settle(settle)))

    async def refresh(self) -> None:
        """Has the peer read which deployments there are."""
        await self._ask(Request(refresh=peer_pb2.Refresh()))

    def close(self) -> None:
        """Drops the connection, for good; whoever waits gets PeerUnreachable."""
        self._line.close()

    @property
    def is_running(self) -> bool:
        """Whether a connection is there, or being opened or closed."""
        return self._line.is_running

    async def closed(self) -> None:
        """Waits until nothing of it runs any more."""
        await self._line.closed()

    async def _ask(self, request: Request) -> Response:
        response = await self._line.ask(request)
        if response.HasField("failure"):
            raise read_failure(response.failure)
        return response
