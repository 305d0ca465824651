"""Whatever happens, no two nodes act on one partition, and once all is well they share all of them."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.membership.fleet import LEASE_S, Fleet, Member
from tests.membership.virtual import virtual

EVENTS = 30
MOST_NODES = 5


@given(st.integers(min_value=0))
@settings(max_examples=20)
def test_after_any_trouble_all_partitions_are_where_they_should_be(seed: int) -> None:
    @virtual
    async def trouble(fleet: Fleet) -> None:
        random = Random(seed)
        for _ in range(EVENTS):
            await _one(fleet, random)
            await fleet.watch(random.choice([0.05, 0.5, 2, 6]))
        for member in fleet.members.values():
            member.wire.is_cut, member.wire.takes_s = False, 0.01
            member.worker.failing_gains = 0
        if not fleet.members:
            await fleet.add("last")
        await fleet.balance(*fleet.members.values())
        await fleet.watch(LEASE_S)
        await fleet.balance(*fleet.members.values())
        assert [member.id for member in fleet.members.values() if member.task is None or member.task.done()] == []

    trouble()


async def _one(fleet: Fleet, random: Random) -> None:
    """Something happens to a node or to all."""
    if len(fleet.members) < MOST_NODES and random.random() < 0.4:
        await fleet.add(f"n{random.getrandbits(32)}", random.uniform(-1e6, 1e6))
        return
    if not fleet.members:
        return
    member = random.choice(list(fleet.members.values()))
    match random.randrange(7):
        case 0:
            await member.kill()
            del fleet.members[member.id]
        case 1:
            await member.keeper.drain()
            del fleet.members[member.id]
        case 2:
            fleet.freeze(random.choice([0.5, LEASE_S, 3 * LEASE_S]))
        case 3:
            member.wire.takes_s = random.choice([0.01, 0.3, 3, 2 * LEASE_S])
        case 4:
            member.worker.failing_gains = random.randrange(4)
        case 5:
            _slow_down(member, random)
        case _:
            member.wire.is_cut = not member.wire.is_cut


def _slow_down(member: Member, random: Random) -> None:
    """Loading and releasing take longer than before, or less long."""
    member.worker.gain_s = random.choice([0.02, 1, 2 * LEASE_S])
    member.worker.release_s = random.choice([0.02, 1, 2 * LEASE_S])
