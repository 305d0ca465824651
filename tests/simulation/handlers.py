"""The handlers of the simulated contract: each does the body that its request names."""

from perdure import Context, Endpoint
from simulated.v1 import (
    CellContext,
    CellHandlers,
    CellSharedContext,
    FlowContext,
    FlowHandlers,
    FlowSharedContext,
    Job,
    KeyedJob,
    Report,
    WorkerHandlers,
)

from tests.simulation.script import Script, World


class Worker(WorkerHandlers):
    """Does bodies that have no key."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def work(self, ctx: Context, request: Job) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()

    async def care(self, ctx: Context, request: Job) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()


class Cell(CellHandlers):
    """Does bodies that have a count."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def write(self, ctx: CellContext, request: KeyedJob) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()

    async def read(self, ctx: CellSharedContext, request: KeyedJob) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()


class Flow(FlowHandlers):
    """Does bodies that have promises."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def run(self, ctx: FlowContext, request: KeyedJob) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()

    async def tell(self, ctx: FlowSharedContext, request: KeyedJob) -> Report:
        return await Script(self._world, ctx, request.body, request.seen).run()


def endpoints(world: World) -> dict[str, Endpoint]:
    """The processes that serve the contract, by name."""
    return {"workers": Endpoint(Worker(world)), "objects": Endpoint(Cell(world), Flow(world))}
