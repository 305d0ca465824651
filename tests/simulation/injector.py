"""Lets faults strike at their time."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, assert_never

from perdure_runtime.ingress.port import NotAccepted, WrongStatus
from perdure_runtime.partition.input import Resume, TimerDue
from perdure_runtime.partition.recipient import recipient
from perdure_runtime.partition.rows import BackingOff, Paused, Running, Suspended
from perdure_runtime.storage.api import StorageFailure

from tests.simulation.faults import Fault, Kind
from tests.simulation.network import Process
from tests.simulation.nodes import START_AGAIN_AFTER_S, Nodes
from tests.simulation.witness import Witness

T = TypeVar("T")

BEGUN = (Running, Suspended, BackingOff)
RESUME_EVERY_S = 0.02
LOOKS, LOOK_EVERY_S = 500, 0.002
SLOW_COMMITS, SLOW_S, WAIT_S = 4, 0.05, 0.3
# More are started only in the place of others.
MOST_NODES = 3


class Injector:
    """Strikes, and counts what it has really hit."""

    def __init__(self, nodes: Nodes, processes: dict[str, Process], witness: Witness) -> None:
        self._nodes = nodes
        self._processes = processes
        self._witness = witness
        self.struck: Counter[Kind] = Counter()

    async def run(self, fault: Fault) -> None:
        """Waits for the time of a fault, and lets it strike."""
        await asyncio.sleep(fault.at_us / 1_000_000)
        self._witness.note(f"fault: {fault}")
        if await self._strike(fault):
            self.struck[fault.kind] += 1

    async def _strike(self, fault: Fault) -> bool:
        nodes, owner = self._nodes, self._nodes.victim(fault.count)
        lasts_s = fault.lasts_ms / 1000
        match fault.kind:
            case Kind.LINK_CUT | Kind.LINK_HALF_CUT:
                process = self._processes[fault.victim]
                hit = bool(process.wires)
                process.cut(lasts_s, half=fault.kind is Kind.LINK_HALF_CUT)
                return hit
            case Kind.LINK_STALLED:
                wires = self._processes[fault.victim].wires
                for wire in wires:
                    wire.stall(lasts_s)
                return bool(wires)
            case Kind.ENDPOINT_CRASH:
                process = self._processes[fault.victim]
                if not process.up:
                    return False
                process.kill()
                await asyncio.sleep(lasts_s)
                process.up = True
            case Kind.NODE_CRASH:
                if owner is None or not owner.alive:
                    return False
                await nodes.replace(owner, lasts_s)
            case Kind.NODE_STOP:
                if owner is None or not owner.ready:
                    return False
                await nodes.stop(owner, drains=False)
                await asyncio.sleep(lasts_s)
                await nodes.start()
            case Kind.NODE_JOINS:
                if len(nodes.living) > MOST_NODES:
                    return False
                await nodes.start()
            case Kind.NODE_DRAINED:
                if owner is None or not owner.ready:
                    return False
                await nodes.stop(owner, drains=True)
                await asyncio.sleep(lasts_s)
                if len(nodes.living) < MOST_NODES:
                    await nodes.start()
            case Kind.NODE_CRASH_BEFORE_MESSAGES:
                return await self._kill_receiver(lasts_s)
            case Kind.NODE_FROZEN:
                if owner is None or owner.group.frozen:
                    return False
                # A commit on whose end a step waits may end while another node takes what it is about.
                nodes.trouble.slow_commits, nodes.trouble.slow_s = SLOW_COMMITS, SLOW_S
                await owner.until_steps_wait(WAIT_S)
                await nodes.freeze(owner, lasts_s)
            case Kind.PEERS_CUT | Kind.PEERS_SILENT:
                silent = fault.kind is Kind.PEERS_SILENT
                return owner is not None and nodes.peering.cut(owner.address, lasts_s, silent)
            case Kind.DATABASE_CUT:
                if owner is None:
                    return False
                owner.access.cut_until_s = asyncio.get_running_loop().time() + lasts_s
            case Kind.DATABASE_AWAY:
                nodes.trouble.away_until_s = asyncio.get_running_loop().time() + lasts_s
            case Kind.ENDPOINTS_CUT:
                if owner is None:
                    return False
                for way in owner.ways:
                    way.cut(lasts_s)
            case Kind.MESSAGES_TWICE:
                messages = nodes.messages()[-fault.count :]
                return any([nodes.offer_to(recipient(message, nodes.rows.placement), message) for message in messages])
            case Kind.DEPLOYED:
                nodes.deploy(fault.victim)
            case Kind.NODE_CRASH_IN_COMMIT:
                # So slow that the batch will rarely be there before the node is not.
                nodes.trouble.slow_commits, nodes.trouble.slow_s = 1, lasts_s * 4
                await asyncio.sleep(lasts_s)
                if owner is None or not owner.alive:
                    return False
                await nodes.replace(owner, START_AGAIN_AFTER_S)
            case Kind.TAKEOVER:
                if owner is None or not owner.ready:
                    return False
                await nodes.start()
                await asyncio.sleep(lasts_s)
                nodes.kill(owner, keep=True)
            case Kind.COMMITS_FAIL:
                nodes.trouble.failing_commits += fault.count
                nodes.trouble.slow_commits, nodes.trouble.slow_s = fault.count, lasts_s
            case Kind.READS_FAIL:
                nodes.trouble.failing_reads += fault.count
            case Kind.DISK_SLOW:
                nodes.trouble.slow_calls = fault.count
                nodes.trouble.slow_commits, nodes.trouble.slow_s = fault.count, lasts_s
            case Kind.CLOCK_JUMP:
                nodes.jump(fault.lasts_ms)
            case Kind.TIMER_TWICE:
                fired = nodes.durable.fired[-fault.count :]
                return any([nodes.offer(timer.invocation_id, TimerDue(timer)) for timer in fired])
            case Kind.PAUSED:
                return await self._pause(fault)
            case Kind.LATE_WORDS:
                words = nodes.late_words()[-fault.count :]
                return any([nodes.offer(word.invocation_id, word) for word in words])
            case _:
                assert_never(fault.kind)
        return True

    async def _kill_receiver(self, slow_s: float) -> bool:
        nodes = self._nodes
        receiver = await self._until(nodes.receiver)
        if receiver is None:
            return False
        partition, process = receiver
        nodes.kill(process, keep=False)
        await self._until(lambda: nodes.rows.owner(partition) not in ("", process.id) or None)
        nodes.trouble.slow_commits, nodes.trouble.slow_s = SLOW_COMMITS, slow_s
        await nodes.start()
        return True

    async def _until(self, found: Callable[[], T | None]) -> T | None:
        """Waits until something is found, but not for ever."""
        for _ in range(LOOKS):
            if (this := found()) is not None:
                return this
            await asyncio.sleep(LOOK_EVERY_S)
        return None

    async def _pause(self, fault: Fault) -> bool:
        nodes = self._nodes
        begun = [id for id, row in nodes.rows.invocations.items() if isinstance(row.status, BEGUN)]
        if not begun:
            return False
        id = begun[fault.count % len(begun)]
        owner = nodes.owner(id)
        if owner is None:
            return False
        # It may be paused then or not: what is durable says so.
        with suppress(StorageFailure, ConnectionError, WrongStatus, NotAccepted):
            await nodes.ask(owner, owner.node.administration.pause(id))
        await asyncio.sleep(fault.lasts_ms / 1000)
        while isinstance(nodes.rows.invocations[id].status, Paused):
            nodes.offer(id, Resume(id))
            await asyncio.sleep(RESUME_EVERY_S)
        return True
