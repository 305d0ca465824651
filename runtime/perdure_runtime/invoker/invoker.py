"""Which deployment runs an attempt, and the effects of the partitions on running attempts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from perdure_protos.perdure.protocol.v1 import session_pb2
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation
from perdure_protos.perdure.protocol.v1.session_pb2 import NodeFrame

from perdure_runtime.contracts import Contracts
from perdure_runtime.invoker.connection import Connection
from perdure_runtime.invoker.deployed import Deployed
from perdure_runtime.invoker.slot import Slot
from perdure_runtime.invoker.transport import Transport
from perdure_runtime.partition.effect import Abort, Accept, Grant, Notify, NotifyCancelled, Start
from perdure_runtime.partition.input import AttemptLost, Input
from perdure_runtime.partition.rows import Invocation
from perdure_runtime.telemetry.metrics import Metrics


def _everywhere(invocation_id: str) -> bool:
    return True


class Invoker:
    """All deployments, with the sessions to their processes.

    An invocation without a journal goes to the newest deployment that has its service. One with a journal goes to the
    deployment that wrote it, for as long as that is there.
    """

    def __init__(
        self, offer: Callable[[Input], None], on_away: Callable[[Deployed], None], metrics: Metrics | None = None
    ) -> None:
        self._offer = offer
        self._on_away = on_away
        self._metrics = Metrics() if metrics is None else metrics
        # The oldest first.
        self._all: list[Deployed] = []
        self._newest: dict[str, Deployed] = {}
        self._deployed: dict[str, Deployed] = {}
        # Removed ones that end what they have.
        self._ending: list[Deployed] = []
        self._unrouted: dict[str, int] = {}
        self.contracts = Contracts()
        self._registered = asyncio.Event()

    def add(self, transport: Transport, contracts: Contracts, deployment_id: str = "") -> None:
        """Sends new invocations of these services to an endpoint; ``join`` adds more of its processes.

        Those that wait for an endpoint that is away start anew, where they are routed now.
        """
        deployed = Deployed(deployment_id, contracts, self._offer, lambda: self.contracts, self._on_away, self._metrics)
        self._all.append(deployed)
        if deployment_id:
            self._deployed[deployment_id] = deployed
        deployed.join(transport)
        self._reroute()

    def renew(self, contracts: Mapping[str, Contracts]) -> None:
        """Gives deployments other contracts, by id: attempts that begin from now on go by them."""
        for id, renewed in contracts.items():
            self._deployed[id].contracts = renewed
        self._reroute()

    def join(self, deployment_id: str, transport: Transport) -> None:
        """Adds a process to a deployment that was added."""
        self._deployed[deployment_id].join(transport)

    def leave(self, deployment_id: str, address: str, *, at_once: bool) -> None:
        """Takes a process out: what runs there starts again at the others ``at_once``, or ends there."""
        self._deployed[deployment_id].leave(address, at_once=at_once)

    def processes(self, deployment_id: str) -> set[str]:
        """The addresses of the processes of a deployment; none where there is no such deployment."""
        deployed = self._deployed.get(deployment_id)
        return deployed.processes if deployed is not None else set()

    def arrange(self, deployment_ids: Sequence[str]) -> None:
        """Says which deployment is newer than which: the oldest comes first. Others are older than all of these."""
        place = {id: index for index, id in enumerate(deployment_ids)}
        arranged = sorted(self._all, key=lambda deployed: place.get(deployed.id, -1))
        if arranged != self._all:
            self._all = arranged
            self._reroute()

    def remove(self, deployment_id: str) -> None:
        """Sends nothing to a deployment any more; what runs there ends there.

        New invocations of its services go to the newest of the others that have them.
        """
        removed = self._deployed.pop(deployment_id, None)
        if removed is None:
            return
        self._all.remove(removed)
        waiting = removed.release()
        removed.end()
        self._ending = [ending for ending in (*self._ending, removed) if not ending.has_ended]
        self._unrouted |= waiting
        self._reroute()

    def newest_at(self, deployment_id: str) -> set[str]:
        """The services whose new invocations go to a deployment."""
        deployed = self._deployed.get(deployment_id)
        return {service for service, newest in self._newest.items() if newest is deployed}

    def newest_of(self, service: str) -> str:
        """The deployment that new invocations of a service go to; empty where there is none."""
        newest = self._newest.get(service)
        return newest.id if newest is not None else ""

    def contracts_of(self, deployment_id: str) -> Contracts | None:
        """The contracts of a deployment; None where it is not here any more."""
        deployed = self._deployed.get(deployment_id)
        return deployed.contracts if deployed is not None else None

    @property
    def idle(self) -> bool:
        """Whether no attempt runs anywhere, or waits to."""
        return not self._unrouted and all(deployed.idle for deployed in self._everyone())

    @property
    def silent(self) -> int:
        """How many attempts were started and have said nothing yet: endpoints have not come to them."""
        return sum(deployed.silent for deployed in self._everyone())

    @property
    def running(self) -> int:
        """How many attempts run at endpoints."""
        return sum(deployed.running for deployed in self._everyone())

    @property
    def waiting(self) -> int:
        """How many attempts wait for an endpoint."""
        return len(self._unrouted) + sum(len(deployed.waiting()) for deployed in self._all)

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
        deployed.start(start, facts)

    def act(self, effect: Notify | NotifyCancelled | Accept | Grant | Abort) -> None:
        """Gives a running attempt what the partition has for it.

        An attempt that is not running finds the same in its journal when it starts again.
        """
        for deployed in self._everyone():
            found = deployed.slot(effect.invocation_id, effect.attempt)
            if found is not None:
                _tell(*found, effect)
                return

    def stuck(self, invocation_id: str) -> Deployed | None:
        """The deployment that has been away for long and that an invocation waits for."""
        for deployed in self._all:
            if deployed.waits(invocation_id) and deployed.away:
                return deployed
        return None

    def abort_all(self, reason: str, where: Callable[[str], bool] = _everywhere) -> None:
        """Stops all attempts of the invocations for whose id ``where`` says so, and forgets those that wait."""
        self._unrouted = {id: attempt for id, attempt in self._unrouted.items() if not where(id)}
        for deployed in self._everyone():
            deployed.abort_all(reason, where)

    async def close(self) -> None:
        """Ends all sessions."""
        await asyncio.gather(*(deployed.close() for deployed in self._everyone()))

    def _everyone(self) -> tuple[Deployed, ...]:
        return (*self._all, *self._ending)

    def _route(self, invocation: Invocation) -> Deployed | None:
        pinned = self._deployed.get(invocation.deployment_id)
        return pinned if pinned is not None else self._newest.get(invocation.target.service)

    def _reroute(self) -> None:
        self._newest = {service: deployed for deployed in self._all for service in deployed.contracts}
        self.contracts = Contracts().merged(*(deployed.contracts for deployed in self._all))
        self._start_waiting_anew()
        registered, self._registered = self._registered, asyncio.Event()
        registered.set()

    def _start_waiting_anew(self) -> None:
        waiting, self._unrouted = self._unrouted, {}
        newest = set(self._newest.values())
        for deployed in self._all:
            waiting |= deployed.release()
            if deployed in newest:
                deployed.open()
            else:
                # What is pinned to it opens it again.
                deployed.retire()
        for invocation_id, attempt in waiting.items():
            self._offer(AttemptLost(invocation_id, attempt))


def _tell(session: Connection, slot: Slot, effect: Notify | NotifyCancelled | Accept | Grant | Abort) -> None:
    slot.heard_at = asyncio.get_running_loop().time()
    match effect:
        case Notify():
            session.send(NodeFrame(slot=slot.id, completion=effect.completion))
        case NotifyCancelled():
            session.send(NodeFrame(slot=slot.id, cancellation=Cancellation(at_ms=effect.at_ms)))
        case Accept():
            accepted = session_pb2.Accepted(command=effect.command, at_ms=effect.at_ms)
            session.send(NodeFrame(slot=slot.id, accepted=accepted))
        case Grant():
            session.send(NodeFrame(slot=slot.id, grant=session_pb2.Grant(command=effect.command)))
        case Abort():
            session.stop(slot, effect.reason)
        case _:
            assert_never(effect)
