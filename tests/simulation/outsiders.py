"""People and programs outside who act on invocations: they settle awakeables, send signals, cancel and kill."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from random import Random

from perdure import codec
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.ingress.port import HasEnded, UnknownAwakeable, UnknownInvocation, WrongStatus
from perdure_runtime.node.node import Node
from perdure_runtime.partition.rows import Ended
from simulated.v1 import Note

from tests.simulation.callers import TRY_AGAIN
from tests.simulation.nodes import Nodes
from tests.simulation.program import Awake, By, Errand, Signals
from tests.simulation.rows import body_of
from tests.simulation.witness import Told, Witness

# google.rpc.Code.ABORTED
ABORTED = 10
NOT_THERE = (UnknownAwakeable, UnknownInvocation, HasEnded, WrongStatus)


class Outsiders:
    """What they did.

    Attributes:
        cancelled: Invocations that were asked to end while they had not, durably; by body.
        cancels, kills: Bodies that somebody wanted to cancel or kill, whatever came of it.
        repeated: Notes that were sent again, since nobody said whether they had arrived.
    """

    def __init__(self, nodes: Nodes, witness: Witness, random: Random) -> None:
        self._nodes = nodes
        self._witness = witness
        self._random = random
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._heard: set[tuple[str, str]] = set()
        self.cancelled: dict[str, str] = {}
        self.cancels: set[str] = set()
        self.kills: set[str] = set()
        self.repeated: set[str] = set()
        witness.on_told = self._hear

    async def run(self, errand: Errand) -> None:
        """Cancels and kills what an errand started, where it says so."""
        await asyncio.gather(self._cancel(errand), self._kill(errand))

    async def close(self) -> None:
        """They leave."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cancel(self, errand: Errand) -> None:
        if not errand.cancel_ms:
            return
        await asyncio.sleep((errand.at_ms + errand.cancel_ms) / 1000)
        self.cancels.add(errand.body.name)
        id = await self._made(errand.body.name)
        while await self._insist(lambda node: node.router.cancel(id)):
            row = self._nodes.rows.invocations[id]
            if isinstance(row.status, Ended) or row.cancel:
                self.cancelled[errand.body.name] = id
                return
            # A node that had lost the partition may have taken it for one that had ended.
            self._witness.breach("a cancellation that is acknowledged is durable", f"{id} is {row.status}")

    async def _kill(self, errand: Errand) -> None:
        if not errand.kill_ms:
            return
        await asyncio.sleep((errand.at_ms + errand.kill_ms) / 1000)
        self.kills.add(errand.body.name)
        id = await self._made(errand.body.name)
        if await self._insist(lambda node: node.administration.kill(id)):
            ended = isinstance(self._nodes.rows.invocations[id].status, Ended)
            self._witness.check("what is killed has ended", ended, f"{id} was killed and goes on")

    async def _made(self, body: str) -> str:
        """The invocation of a body, once there is one."""
        while True:
            for row in self._nodes.rows.invocations.values():
                if body_of(row) == body:
                    return row.id
            await asyncio.sleep(0.005)

    def _hear(self, told: Told) -> None:
        if (told.path, told.id) in self._heard:
            return
        self._heard.add((told.path, told.id))
        of_owner = told.session.counts(told.id)
        act = self._settle(told.op, told.id, of_owner) if isinstance(told.op, Awake) else self._send(told.op, told.id)
        task = asyncio.get_running_loop().create_task(act)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _settle(self, op: Awake, id: str, of_owner: bool) -> None:
        """Settles an awakeable twice: the first result is the one that counts."""
        await asyncio.sleep(op.after_ms / 1000)
        for number in (1, 2):
            result = Outcome(value=_note(f"{op.path}:{number}"))
            if op.by is By.REJECTED:
                result = Outcome(failure=Failure(code=ABORTED, message=f"{op.path}:{number}"))
            if not await self._insist(partial(_complete_awakeable, id, result)):
                # An attempt that did not count any more may have told of it; the one that lasts tells another id.
                self._witness.check(
                    "awakeables that were told of are there", not of_owner, f"nobody knows {id} any more"
                )
                return

    async def _send(self, op: Signals, id: str) -> None:
        """Sends signals in their order, each once the one before has arrived."""
        await asyncio.sleep(op.after_ms / 1000)
        for number in range(1, op.count + 1):
            note = f"{op.path}:{number}"
            result = Outcome(value=_note(note))
            if not await self._insist(partial(_signal, id, op.path, result), note):
                return

    async def _insist(self, act: Callable[[Node], Coroutine[object, object, None]], note: str = "") -> bool:
        """Asks until the owner of the partition has answered; false where what is acted on is not there."""
        while True:
            nodes = self._nodes.ready()
            if nodes:
                process = self._random.choice(nodes)
                try:
                    await self._nodes.ask(process, act(process.node))
                except TRY_AGAIN as error:
                    self._witness.note(f"somebody outside tries again after {type(error).__name__}")
                    self.repeated.add(note)
                except NOT_THERE:
                    if self._nodes.knows(process):
                        return False
                else:
                    return True
            await asyncio.sleep(self._random.choice((0.001, 0.01, 0.03)))


async def _complete_awakeable(id: str, result: Outcome, node: Node) -> None:
    await node.router.complete_awakeable(id, result)


async def _signal(id: str, name: str, result: Outcome, node: Node) -> None:
    await node.router.signal(id, name, result)


def _note(text: str) -> bytes:
    return codec.encode(Note(text=text))
