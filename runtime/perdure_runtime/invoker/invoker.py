"""Which endpoint runs an attempt, and the effects of the partition on running attempts."""

import asyncio
from collections.abc import Callable

from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation
from perdure_protos.perdure.protocol.v1.session_pb2 import NodeFrame

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.partition.effect import Abort, Accept, Grant, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import AttemptLost, Input


class Invoker:
    """The connections to all endpoints. Services are routed to the endpoint that was added last with them."""

    def __init__(self, offer: Callable[[Input], None], on_away: Callable[[Connection], None]) -> None:
        self._offer = offer
        self._on_away = on_away
        self._routes: dict[str, Connection] = {}
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._unrouted: dict[str, int] = {}
        self.contracts = Contracts()
        self._registered = asyncio.Event()

    def add(self, transport: Transport, contracts: Contracts, deployment_id: str = "") -> None:
        """Sends new attempts of these services to an endpoint.

        Those that wait for an endpoint that is away start anew, where their service is routed now.
        """
        connection = Connection(transport, self._offer, lambda: self.contracts, self._on_away, deployment_id)
        self.contracts = self.contracts.merged(contracts)
        for service in contracts:
            self._routes[service] = connection
        waiting, self._unrouted = self._unrouted, {}
        for other in list(self._connections):
            waiting.update(other.release())
            self._retire(other)
        for invocation_id, attempt in waiting.items():
            self._offer(AttemptLost(invocation_id, attempt))
        self._connections[connection] = asyncio.create_task(connection.run())
        registered, self._registered = self._registered, asyncio.Event()
        registered.set()

    @property
    def idle(self) -> bool:
        """Whether no attempt runs anywhere, or waits to."""
        return not self._unrouted and all(connection.idle for connection in self._connections)

    @property
    def silent(self) -> int:
        """How many attempts were started and have said nothing yet: endpoints have not come to them."""
        return sum(connection.silent for connection in self._connections)

    async def contracts_changed(self, known: Contracts) -> None:
        """Waits until the contracts are others than these."""
        while self.contracts is known:
            await self._registered.wait()

    def _retire(self, connection: Connection) -> None:
        """Closes a connection that nothing is routed to and nothing runs at."""
        if connection.idle and connection not in self._routes.values():
            self._connections.pop(connection).cancel()

    def start(self, start: Start) -> None:
        """Runs an attempt; it waits where no endpoint serves it yet."""
        target = start.invocation.target
        connection = self._routes.get(target.service)
        service = self.contracts.get(target.service)
        facts = service.handlers.get(target.handler) if service is not None else None
        if connection is None or facts is None:
            self._unrouted[start.invocation.id] = start.invocation.attempt
        else:
            connection.start(start, facts)

    def act(self, effect: Notify | NotifyCancelled | Accept | Grant | Abort) -> None:
        """Gives a running attempt what the partition has for it.

        An attempt that is not running finds the same in its journal when it starts again.
        """
        for connection in self._connections:
            slot = connection.slot(effect.invocation_id, effect.attempt)
            if slot is None:
                continue
            slot.heard_at = asyncio.get_running_loop().time()
            match effect:
                case Notify():
                    connection.send(NodeFrame(slot=slot.id, completion=effect.completion))
                case NotifyCancelled():
                    cancellation = Cancellation(at_ms=effect.at_ms)
                    connection.send(NodeFrame(slot=slot.id, cancellation=cancellation))
                case Accept():
                    accepted = session_pb2.Accepted(command=effect.command, at_ms=effect.at_ms)
                    connection.send(NodeFrame(slot=slot.id, accepted=accepted))
                case Grant():
                    connection.send(NodeFrame(slot=slot.id, grant=session_pb2.Grant(command=effect.command)))
                case Abort():
                    connection.stop(slot, effect.reason)
            return

    def stuck(self, invocation_id: str) -> Connection | None:
        """The endpoint that has been away for long and that an invocation waits for."""
        for connection in self._connections:
            if connection.away and connection.waits(invocation_id):
                return connection
        return None

    def abort_all(self, reason: str) -> None:
        """Stops all attempts."""
        self._unrouted.clear()
        for connection in self._connections:
            connection.abort_all(reason)

    async def close(self) -> None:
        """Ends all sessions."""
        for task in self._connections.values():
            task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)
