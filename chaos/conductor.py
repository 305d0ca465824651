"""Does to the cluster what the plan says, and heals it again."""

import asyncio
from collections.abc import Iterable

from chaos.faults import Group, Kind, Planned
from chaos.history import Fault, Recorder
from chaos.ledger import moment_s
from chaos.proxy import Link
from chaos.town import Member, Town


async def conduct(plan: Iterable[Planned], town: Town, recorder: Recorder) -> None:
    """Runs all faults at their time; returns when all are healed."""
    began_s = moment_s()

    async def one(planned: Planned) -> None:
        await asyncio.sleep(began_s + planned.at_s - moment_s())
        at_s = moment_s()
        await _happen(planned, town)
        recorder.add(Fault(planned.kind.value, _name(planned, town), at_s, moment_s()))

    async with asyncio.TaskGroup() as faults:
        for planned in plan:
            faults.create_task(one(planned))


def _name(planned: Planned, town: Town) -> str:
    match planned.kind:
        case Kind.RESTART_POSTGRES | Kind.KILL_POSTGRES:
            return "PostgreSQL"
        case Kind.KILL_ENDPOINT | Kind.PAUSE_ENDPOINT | Kind.CUT_ENDPOINT:
            return town.endpoints[planned.target].service.name
        case _:
            return town.nodes[planned.target].service.name


async def _happen(planned: Planned, town: Town) -> None:
    """One fault, from its first moment to its healing."""
    match planned.kind:
        case Kind.KILL_NODE | Kind.KILL_ENDPOINT:
            member = _member(planned, town)
            await member.kill()
            await asyncio.sleep(planned.lasts_s)
            await member.start()
        case Kind.STOP_NODE:
            member = _member(planned, town)
            await member.stop()
            await asyncio.sleep(planned.lasts_s)
            await member.start()
        case Kind.PAUSE_NODE | Kind.PAUSE_ENDPOINT:
            member = _member(planned, town)
            await member.pause()
            await asyncio.sleep(planned.lasts_s)
            member.go_on()
        case Kind.BLINK | Kind.CUT_DATABASE:
            await _cut(town.nodes[planned.target].to_database, planned)
        case Kind.CUT_PEERS:
            await _cut(town.nodes[planned.target].from_peers, planned)
        case Kind.CUT_ENDPOINT:
            await _cut(town.endpoints[planned.target].from_nodes, planned)
        case Kind.RESTART_POSTGRES:
            await asyncio.to_thread(town.database.stop)
            await asyncio.sleep(planned.lasts_s)
            await asyncio.to_thread(town.database.start)
        case Kind.KILL_POSTGRES:
            await asyncio.to_thread(town.database.kill)
            await asyncio.sleep(planned.lasts_s)
            await asyncio.to_thread(town.database.start)


def _member(planned: Planned, town: Town) -> Member:
    return town.endpoints[planned.target] if planned.kind.group is Group.ENDPOINT else town.nodes[planned.target]


async def _cut(link: Link, planned: Planned) -> None:
    link.cut()
    await asyncio.sleep(planned.lasts_s)
    if planned.resets:
        link.reset()
    link.heal()
