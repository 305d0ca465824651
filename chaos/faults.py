"""The plan of all faults: drawn from a seed before the run begins, so that a run can be had again."""

import enum
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


class Group(enum.Enum):
    """What a fault takes away."""

    NODE = "node"
    ENDPOINT = "endpoint"
    DATABASE = "database"


class Kind(enum.Enum):
    """What can go wrong."""

    KILL_NODE = "kill a node"
    PAUSE_NODE = "pause a node beyond its lease"
    STOP_NODE = "stop a node in good order"
    BLINK = "cut a node off the database, within its lease"
    CUT_DATABASE = "cut a node off the database, beyond its lease"
    CUT_PEERS = "cut a node off its peers"
    KILL_ENDPOINT = "kill an endpoint"
    PAUSE_ENDPOINT = "pause an endpoint"
    CUT_ENDPOINT = "cut an endpoint off the nodes"
    RESTART_POSTGRES = "restart PostgreSQL"
    KILL_POSTGRES = "kill PostgreSQL"

    @property
    def group(self) -> Group:
        """What it takes away."""
        match self:
            case Kind.KILL_ENDPOINT | Kind.PAUSE_ENDPOINT | Kind.CUT_ENDPOINT:
                return Group.ENDPOINT
            case Kind.RESTART_POSTGRES | Kind.KILL_POSTGRES:
                return Group.DATABASE
            case _:
                return Group.NODE


# After these the partitions of the node have another owner.
FAILOVERS = frozenset({Kind.KILL_NODE, Kind.PAUSE_NODE, Kind.STOP_NODE, Kind.CUT_DATABASE})
WEIGHTS = {
    Kind.KILL_NODE: 4,
    Kind.PAUSE_NODE: 3,
    Kind.STOP_NODE: 2,
    Kind.BLINK: 2,
    Kind.CUT_DATABASE: 2,
    Kind.CUT_PEERS: 2,
    Kind.KILL_ENDPOINT: 3,
    Kind.PAUSE_ENDPOINT: 2,
    Kind.CUT_ENDPOINT: 2,
    Kind.RESTART_POSTGRES: 1,
    Kind.KILL_POSTGRES: 1,
}
# What was healed is left alone for so long: a process starts, a node takes its share of the partitions.
SETTLE_S = 4.0
# The last faults are healed so long before the end.
CALM_S = 3.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A fault: when it comes, and how long it lasts. ``target`` is the number of a node or of an endpoint.

    ``resets`` says of a cut that its connections break when it is healed; else what was said meanwhile arrives late.
    """

    at_s: float
    lasts_s: float
    kind: Kind
    target: int = 0
    resets: bool = False

    @property
    def until_s(self) -> float:
        """When it is healed."""
        return self.at_s + self.lasts_s


@dataclass(frozen=True, slots=True)
class Setting:
    """What the faults meet."""

    nodes: int
    endpoints: int
    lease_s: float


def plan(seed: int, seconds: float, every_s: float, setting: Setting) -> list[Planned]:
    """Faults for so many seconds, one every ``every_s`` on average.

    Where there are several nodes one of them is always left alone, and so is one endpoint; PostgreSQL has one fault at
    a time. All are healed at the end.
    """
    chance = random.Random(seed)
    planned: list[Planned] = []
    at_s = every_s / 2
    while at_s < seconds - CALM_S:
        drawn = _draw(chance, at_s, seconds, planned, setting)
        if drawn is not None:
            planned.append(drawn)
        at_s += every_s * chance.uniform(0.6, 1.4)
    return planned


def lasts_s(kind: Kind, lease_s: float, chance: random.Random) -> float:
    """How long a fault lasts: of a process that is killed, until it is started again."""
    match kind:
        case Kind.PAUSE_NODE | Kind.CUT_DATABASE:
            return lease_s * chance.uniform(1.5, 2.5)
        case Kind.BLINK:
            return lease_s * chance.uniform(0.2, 0.6)
        case Kind.CUT_PEERS | Kind.PAUSE_ENDPOINT | Kind.CUT_ENDPOINT:
            return chance.uniform(1.0, 8.0)
        case _:
            return chance.uniform(0.2, 3.0)


def _draw(
    chance: random.Random, at_s: float, seconds: float, planned: Sequence[Planned], setting: Setting
) -> Planned | None:
    """A fault for this moment; None where there is room for none."""
    free = {group: list(_free(group, at_s, planned, setting)) for group in Group}
    kinds = [kind for kind in Kind if free[kind.group] and not (kind is Kind.CUT_PEERS and setting.nodes == 1)]
    while kinds:
        (kind,) = chance.choices(kinds, [WEIGHTS[kind] for kind in kinds])
        lasting_s = lasts_s(kind, setting.lease_s, chance)
        if at_s + lasting_s <= seconds - CALM_S:
            return Planned(at_s, lasting_s, kind, chance.choice(free[kind.group]), chance.random() < 0.5)
        kinds.remove(kind)
    return None


def _free(group: Group, at_s: float, planned: Sequence[Planned], setting: Setting) -> Iterator[int]:
    """The targets that may be hit now."""
    match group:
        case Group.NODE:
            many = setting.nodes
        case Group.ENDPOINT:
            many = setting.endpoints
        case Group.DATABASE:
            many = 1
    hit = {fault.target for fault in planned if fault.kind.group is group and at_s < fault.until_s + SETTLE_S}
    if len(hit) < max(1, many - 1):
        yield from (target for target in range(many) if target not in hit)
