"""One run of a plan: all of perdure but its sockets, on virtual time, with chance from the plan's seed alone."""

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

import perdure.awakeables
import perdure.steps
from perdure_runtime.node import retention
from perdure_runtime.partition.lifecycle import begin
from perdure_runtime.partition.rows import Ended
from perdure_runtime.peer import line

from tests.simulation import loop
from tests.simulation.callers import Callers
from tests.simulation.drawing import Plan
from tests.simulation.faults import Kind
from tests.simulation.handlers import endpoints
from tests.simulation.injector import Injector
from tests.simulation.model import Model
from tests.simulation.network import Process
from tests.simulation.nodes import Nodes
from tests.simulation.outsiders import Outsiders
from tests.simulation.script import World
from tests.simulation.witness import Breach, Witness

# In virtual time: by then all that was asked for has ended, whatever struck.
PATIENCE_S = 120.0
# After all faults: what is left of a lease, and the grace for those who come back.
OWNED_WITHIN_S = 6.0
LOOK_EVERY_S = 0.05
# More than anything is kept for, and time to forget it.
RETENTION_MS = 90_000_000
SWEEP_EVERY_S = 1.0
TWO_SWEEPS_S = 3.0


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a plan."""

    plan: Plan
    breaches: tuple[Breach, ...]
    struck: Counter[Kind]
    checked: Counter[str]
    happened: Counter[str]
    trace: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The same for two runs that did the same at the same times."""
        return hashlib.blake2b("\n".join(self.trace).encode(), digest_size=8).hexdigest()


def simulate(plan: Plan) -> Run:
    """Runs a plan."""
    # What perdure logs of faults would be all that one sees.
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        return loop.run(_simulate(plan))
    except (loop.Quiet, loop.Livelock) as stuck:
        return Run(plan, (Breach("the world goes on", str(stuck)),), Counter(), Counter(), Counter(), ())
    finally:
        logging.disable(disabled)


async def _simulate(plan: Plan) -> Run:
    return await Simulation(plan).run()


class Simulation:
    """The world of one plan. Make it within its event loop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._witness = Witness()
        bodies = {body.name: body for body in plan.program.bodies()}
        world = World(self._witness, bodies, self._clock_ms)
        random = Random(f"{plan.seed}/network")
        self._processes = {
            name: Process(name, endpoint, random, self._witness) for name, endpoint in endpoints(world).items()
        }
        self._entropy = Random(f"{plan.seed}/entropy")
        self._nodes = Nodes(
            plan.shape, self._witness, Random(f"{plan.seed}/nodes"), self._processes, self._entropy.getrandbits
        )
        self._callers = Callers(self._nodes, self._witness, Random(f"{plan.seed}/callers"))
        self._outsiders = Outsiders(self._nodes, self._witness, Random(f"{plan.seed}/outsiders"))
        self._injector = Injector(self._nodes, self._processes, self._witness)

    async def run(self) -> Run:
        """Runs until all is quiet or something is wrong, and looks at what is left."""
        self._witness.loop.set_exception_handler(self._on_error)
        with self._seeded():
            await self._nodes.begin()
            work = asyncio.create_task(self._work())
            broken = asyncio.create_task(self._witness.broken.wait())
            await asyncio.wait([work, broken], return_when=asyncio.FIRST_COMPLETED)
            broken.cancel()
            if work.done():
                work.result()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            if not self._witness.breaches:
                rows, told = self._nodes.rows, self._callers.told
                calm, offs = not self._plan.faults, self._plan.shape.clocks_off_ms
                differ_ms = max(0, *offs) - min(0, *offs)
                model = Model(self._plan.program, rows, self._witness, self._outsiders, told, calm, differ_ms)
                model.check()
                self._nodes.durable.channels.look_for_rest()
                # Who has not come through yet would find it forgotten.
                await self._outsiders.close()
                self._nodes.calm_down()
                self._nodes.jump(RETENTION_MS)
                await asyncio.sleep(TWO_SWEEPS_S)
                model.shared.look_for_leavings()
            await self._outsiders.close()
            await self._nodes.close()
        witness = self._witness
        return Run(
            self._plan,
            tuple(witness.breaches),
            self._injector.struck,
            Counter(witness.checked),
            Counter(witness.happened),
            tuple(witness.trace),
        )

    def _on_error(self, event_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        """An error that nobody caught; those of tasks and futures that handlers have left behind are no bugs."""
        if "handle" in context:
            self._witness.breach("callbacks raise nothing", f"{context['message']}: {context.get('exception')!r}")

    def _clock_ms(self) -> int:
        return self._nodes.clock_ms()

    async def _work(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                await asyncio.gather(
                    *(self._callers.run(errand) for errand in self._plan.program.errands),
                    *(self._outsiders.run(errand) for errand in self._plan.program.errands),
                    *(self._injector.run(fault) for fault in self._plan.faults),
                )
        except TimeoutError:
            self._witness.breach("every caller is answered", f"some were not; {self._unended()}")
            return
        now_s, ownerless = self._witness.loop.time, self._nodes.ownerless
        owned_by_s, quiet_by_s = now_s() + OWNED_WITHIN_S, now_s() + PATIENCE_S
        while (unended := self._unended()) or ownerless():
            if now_s() > owned_by_s and ownerless():
                self._witness.breach("every partition has an owner", f"nobody works on partitions {ownerless()}")
                return
            if unended and now_s() > quiet_by_s:
                self._witness.breach("every invocation ends", unended)
                return
            await asyncio.sleep(LOOK_EVERY_S)

    def _unended(self) -> str:
        rows = self._nodes.rows
        waiting = [
            f"{id} is {row.status} {row.last_error}"
            for id, row in rows.invocations.items()
            if not isinstance(row.status, Ended)
        ]
        waiting += [f"{timer} is set" for timer in rows.timers]
        waiting += [f"message {seq} from {source} to {to} is on its way" for source, to, seq in rows.outbox]
        return "; ".join(waiting)

    @contextmanager
    def _seeded(self) -> Iterator[None]:
        """Takes chance and clocks away from what would ask the machine for them."""
        with (
            patch.object(perdure.awakeables, "new_token", lambda: f"{self._entropy.getrandbits(128):032x}"),
            patch.object(perdure.steps, "now_ms", self._clock_ms),
            patch.object(begin, "EAGER_BYTES", self._plan.eager_bytes),
            patch.object(line, "PeerChannel", self._nodes.peering.channel),
            patch.object(retention, "EVERY_S", SWEEP_EVERY_S),
        ):
            yield
