"""Which endpoint runs an attempt, and the effects of the partition on running attempts."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation
from perdure_protos.perdure.protocol.v1.session_pb2 import NodeFrame

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.partition.effect import Abort, Accept, Grant, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import AttemptLost, Input
from perdure_runtime.partition.rows import Invocation


@dataclass(frozen=True, slots=True, eq=False)
class Deployed:
    """A deployment: where it is, and what it serves."""

    connection: Connection
    contracts: Contracts


class Invoker:
    """The connections to all endpoints.

    An invocation without a journal goes to the deployment that was added last with its service. One with a journal goes
    to the deployment that wrote it, for as long as that is there.
    """

    def __init__(self, offer: Callable[[Input], None], on_away: Callable[[Connection], None]) -> None:
        self._offer = offer
        self._on_away = on_away
        # In the order in which they were added.
        self._all: list[Deployed] = []
        self._newest: dict[str, Deployed] = {}
        self._deployed: dict[str, Deployed] = {}
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._unrouted: dict[str, int] = {}
        self.contracts = Contracts()
        self._registered = asyncio.Event()

    def add(self, transport: Transport, contracts: Contracts, deployment_id: str = "") -> None:
        """Sends new invocations of these services to an endpoint.

        Those that wait for an endpoint that is away start anew, where they are routed now.
        """
        connection = Connection(
            transport, self._offer, lambda: self.contracts, self._on_away, deployment_id, self._let_go
        )
        deployed = Deployed(connection, contracts)
        self._all.append(deployed)
        if deployment_id:
            self._deployed[deployment_id] = deployed
        self._connect(connection)
        self._reroute()

    def remove(self, deployment_id: str) -> None:
        """Sends nothing to a deployment any more; what runs there ends there.

        New invocations of its services go to the newest of the others that have them.
        """
        removed = self._deployed.pop(deployment_id, None)
        if removed is None:
            return
        self._all.remove(removed)
        self._reroute()

    def newest_at(self, deployment_id: str) -> set[str]:
        """The services whose new invocations go to a deployment."""
        deployed = self._deployed.get(deployment_id)
        return {service for service, newest in self._newest.items() if newest is deployed}

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

    def start(self, start: Start) -> None:
        """Runs an attempt; it waits where no endpoint serves it yet."""
        target = start.invocation.target
        deployed = self._route(start.invocation)
        service = deployed.contracts.get(target.service) if deployed is not None else None
        facts = service.handlers.get(target.handler) if service is not None else None
        if deployed is None or facts is None:
            self._unrouted[start.invocation.id] = start.invocation.attempt
            return
        self._connect(deployed.connection)
        deployed.connection.start(start, facts)

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
        for connection in list(self._connections):
            connection.abort_all(reason)

    async def close(self) -> None:
        """Ends all sessions."""
        for task in self._connections.values():
            task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)

    def _route(self, invocation: Invocation) -> Deployed | None:
        pinned = self._deployed.get(invocation.deployment_id)
        return pinned if pinned is not None else self._newest.get(invocation.target.service)

    def _connect(self, connection: Connection) -> None:
        if connection not in self._connections:
            self._connections[connection] = asyncio.create_task(connection.run())

    def _reroute(self) -> None:
        self._newest = {service: deployed for deployed in self._all for service in deployed.contracts}
        self.contracts = Contracts().merged(*(deployed.contracts for deployed in self._all))
        self._start_waiting_anew()
        registered, self._registered = self._registered, asyncio.Event()
        registered.set()

    def _start_waiting_anew(self) -> None:
        waiting, self._unrouted = self._unrouted, {}
        for connection in list(self._connections):
            waiting.update(connection.release())
            self._retire(connection)
        for invocation_id, attempt in waiting.items():
            self._offer(AttemptLost(invocation_id, attempt))

    def _let_go(self, connection: Connection) -> None:
        """Closes the connection to a removed deployment once what ran there has ended."""
        if connection in self._connections and all(deployed.connection is not connection for deployed in self._all):
            self._connections.pop(connection).cancel()

    def _retire(self, connection: Connection) -> None:
        """Closes a connection that no new work is routed to and nothing runs at; its pinned work opens it again."""
        routed = any(deployed.connection is connection for deployed in self._newest.values())
        if connection.idle and not routed:
            self._connections.pop(connection).cancel()
