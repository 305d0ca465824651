"""Bugs to plant in what nodes do together: leases, moves of partitions, messages between them, routing."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from perdure_runtime.membership import keeper
from perdure_runtime.node.courier import Courier
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.node.node import Node
from perdure_runtime.node.router import Router
from perdure_runtime.node.timers import Timers
from perdure_runtime.node.waiters import Waiters
from perdure_runtime.partition import machine, receive
from perdure_runtime.partition.draft import Draft
from perdure_runtime.partition.effect import Acknowledge, Deliver
from perdure_runtime.partition.input import Receive
from perdure_runtime.storage.cluster import Holding, NodeRow
from perdure_runtime.storage.memory import MemoryCluster, MemoryStorage

from tests.simulation.planting import dispatch_at_once, instead, mutation
from tests.simulation.process import LEASE_S

# Leases, and who owns what.


@mutation
def steps_are_granted_without_a_lease(stack: ExitStack) -> None:
    instead(stack, Node, "_is_sure", lambda self, index: True)


@mutation
def partitions_are_taken_while_their_lease_runs(stack: ExitStack) -> None:
    instead(stack, NodeRow, "alive", property(lambda self: self.lease_left_s > LEASE_S / 2))

    def take(self: MemoryCluster, seen: Mapping[int, Holding]) -> dict[int, int]:
        rows = self._rows
        for partition in seen:
            rows.epochs[partition] += 1
            rows.owners[partition] = self._node_id
        return {partition: rows.epochs[partition] for partition in seen}

    instead(stack, MemoryCluster, "take", take)


@mutation
def who_was_replaced_does_not_let_go(stack: ExitStack) -> None:
    instead(stack, keeper.Keeper, "_expire", lambda self: None)
    instead(stack, keeper.Keeper, "is_here", lambda self, partition: partition in self._holder.owned)


@mutation
def partitions_without_an_owner_are_left(stack: ExitStack) -> None:
    instead(stack, MemoryCluster, "take", lambda self, seen: {})


@mutation
def timers_of_gained_partitions_are_not_read(stack: ExitStack) -> None:
    instead(stack, Timers, "forget", lambda self: None)


@mutation
def who_waits_is_not_told_of_a_move(stack: ExitStack) -> None:
    instead(stack, Waiters, "fail", lambda self, invocation_ids, error: None)


# Messages between partitions.


@mutation
def messages_are_applied_whatever_their_number(stack: ExitStack) -> None:
    def credulous(draft: Draft, parcel: Receive) -> None:
        draft.put_received(parcel.source, parcel.destination, parcel.seq)
        receive._read(draft, parcel)
        draft.emit(Acknowledge(parcel.source, parcel.destination, parcel.seq))

    instead(stack, machine, "on_receive", credulous)


@mutation
def messages_are_acknowledged_before_they_are_durable(stack: ExitStack) -> None:
    dispatch_at_once(stack, Acknowledge)


@mutation
def messages_are_sent_before_they_are_durable(stack: ExitStack) -> None:
    dispatch_at_once(stack, Deliver)


@mutation
def messages_are_not_kept_in_the_outbox(stack: ExitStack) -> None:
    send = Draft.send

    def careless(draft: Draft, source: int, destination: int, message: Any) -> None:
        send(draft, source, destination, message)
        draft.writes.outbox.clear()

    instead(stack, Draft, "send", careless)


@mutation
def who_gains_a_partition_does_not_read_its_outbox(stack: ExitStack) -> None:
    instead(stack, MemoryStorage, "outbox", lambda self, partitions: [])


@mutation
def the_courier_forgets_what_it_has_sent(stack: ExitStack) -> None:
    send = Courier.send

    def forgetful(self: Courier, deliver: Deliver) -> None:
        send(self, deliver)
        self._queues.clear()

    instead(stack, Courier, "send", forgetful)


@mutation
def lost_messages_are_not_sent_again(stack: ExitStack) -> None:
    async def idle(self: Courier) -> None:
        await asyncio.get_running_loop().create_future()

    instead(stack, Courier, "_send_on", idle)
    instead(stack, Courier, "_go_around", idle)


@mutation
def cancellations_of_calls_elsewhere_are_dropped(stack: ExitStack) -> None:
    instead(stack, receive, "on_cancel_call", lambda draft, request: None)


@mutation
def what_was_called_elsewhere_is_not_killed(stack: ExitStack) -> None:
    instead(stack, receive, "on_kill_call", lambda draft, call: None)


@mutation
def results_that_were_held_back_are_dropped(stack: ExitStack) -> None:
    instead(stack, Draft, "take_held", lambda self, invocation_id: [])


# Routing.


@mutation
def calls_are_repeated_under_new_ids(stack: ExitStack) -> None:
    of_id, asked = Router._of_id, dict[str, int]()

    class Owner:
        """Asks under another id each time."""

        def __init__(self, owner: Any) -> None:
            self._owner = owner

        def __getattr__(self, name: str) -> Any:
            return getattr(self._owner, name)

        async def submit(self, submit: Any) -> Any:
            return await self._owner.submit(_renamed(submit, asked))

        async def call(self, submit: Any) -> Any:
            return await self._owner.call(_renamed(submit, asked))

    async def ask(self: Router, invocation_id: str, question: Any) -> Any:
        return await of_id(self, invocation_id, lambda owner: question(Owner(owner)))

    instead(stack, Router, "_of_id", ask)


def _renamed(submit: Any, asked: dict[str, int]) -> Any:
    times = asked[submit.id] = asked.get(submit.id, 0) + 1
    return submit if times == 1 else replace(submit, id=f"{submit.id[:-1]}{times % 10}", repeated=False)


@mutation
def repeated_calls_are_taken_for_new_ones(stack: ExitStack) -> None:
    submit = PartitionLoop.submit
    instead(stack, PartitionLoop, "submit", lambda self, call: submit(self, replace(call, repeated=False)))


@mutation
def peers_that_have_gone_are_asked_for_ever(stack: ExitStack) -> None:
    instead(stack, keeper.Keeper, "suspect", lambda self, partition: None)
    instead(stack, keeper.Keeper, "address", _first_address)


def _first_address(self: keeper.Keeper, partition: int) -> str:
    known: dict[int, str] = self.__dict__.setdefault("addresses", {})
    held = self._snapshot.partitions.get(partition)
    owner = self._snapshot.nodes.get(held.owner) if held is not None else None
    return known.setdefault(partition, owner.address) if owner is not None else ""
