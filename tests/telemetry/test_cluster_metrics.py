"""The numbers of nodes that share a database."""

import asyncio

from perdure_protos.perdure.protocol.v1.journal_pb2 import CallCommand, Entry, Target
from perdure_runtime.telemetry import catalogue
from perdure_runtime.telemetry.catalogue import Metric

from tests.node.node_room import done
from tests.node.street import LEASE_S, PARTITIONS, House, Street, account, on_a_street, until


def value(house: House, metric: Metric, *labels: str) -> float:
    """A number of a node."""
    (found,) = [each.value for each in house.node.metrics.readings() if (each.metric, each.labels) == (metric, labels)]
    assert isinstance(found, int | float)
    return found


@on_a_street
async def test_messages_count_at_who_sends_and_who_gets_them(street: Street) -> None:
    near, far = await street.of("near:1", "far:1")
    (partition, *_), (other, *_) = near.here, far.here
    caller = await near.node.router.submit(account(partition))
    await near.begun(caller)
    there = account(other)
    call = CallCommand(target=Target(service=there.service, handler=there.handler, key=there.key))
    street.unreachable.add("far:1")
    near.says(caller, Entry(call=call))
    await until(lambda: value(near, catalogue.OUTBOX) == 1)
    street.unreachable.clear()
    await until(lambda: bool(far.frames("start")))
    far.ends(far.frames("start")[-1].start.invocation_id, done())
    await until(lambda: bool(near.frames("completion")))
    await until(lambda: value(near, catalogue.OUTBOX) == value(far, catalogue.OUTBOX) == 0)

    assert value(near, catalogue.MESSAGES_SENT) >= 1
    assert value(far, catalogue.MESSAGES_SENT) >= 1
    assert value(far, catalogue.MESSAGES_RECEIVED) >= 1
    assert value(far, catalogue.ACCEPTED, there.service, there.handler) == 1


@on_a_street
async def test_nodes_count_their_peers_partitions_and_renewals(street: Street) -> None:
    houses = await street.of("a:1", "b:1", "c:1")

    assert [value(house, catalogue.PEERS) for house in houses] == [2, 2, 2]
    assert sum(value(house, catalogue.PARTITIONS, "0") for house in houses) == PARTITIONS
    renewals = value(houses[0], catalogue.RENEWALS, "0")
    await until(lambda: value(houses[0], catalogue.RENEWALS, "0") > renewals)
    assert value(houses[0], catalogue.LEASES_LOST, "0") == 0


@on_a_street
async def test_a_lease_that_is_over_counts_once(street: Street) -> None:
    (house,) = await street.of("a:1")
    house.wire.is_cut = True
    await until(lambda: value(house, catalogue.LEASES_LOST, "0") > 0)
    await asyncio.sleep(2 * LEASE_S)

    assert value(house, catalogue.LEASES_LOST, "0") == 1
    assert value(house, catalogue.PARTITIONS, "0") == 0


@on_a_street
async def test_a_commit_that_fails_counts_and_what_is_lost_with_it_does_not(street: Street) -> None:
    (house,) = await street.of("a:1")
    (partition, *_) = house.here
    submission = account(partition)
    house.storage.is_away = True
    calling = asyncio.ensure_future(house.node.router.submit(submission))
    await until(lambda: value(house, catalogue.STORAGE_FAILURES, "0") >= 1)
    house.storage.is_away = False
    await asyncio.gather(calling, return_exceptions=True)

    assert not [each for each in house.node.metrics.readings() if each.metric is catalogue.ACCEPTED]
