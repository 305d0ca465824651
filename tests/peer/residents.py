"""Invocations that are not there: what was asked of them, and what a test has them answer."""

import asyncio
from collections.abc import Sequence

from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.ingress.port import AwakeableFacts, EndedInvocation, HandlerName, InvocationName
from perdure_runtime.partition.input import EditState, SettlePromise, Submit
from perdure_runtime.partition.rows import Mark, Mode, Target
from perdure_runtime.storage.api import Parcel

VALUE = Outcome(value=b"42")
ENDED = EndedInvocation("inv_1", "town.Hall", "Open", VALUE)
HANDLER = HandlerName("town.Hall", "Open")
FACTS = AwakeableFacts("town.Hall", "town.Key")


def a_submit(id: str = "inv_1", outcome_retention_ms: int = 86_400_000) -> Submit:
    """A call with something in each of its fields."""
    return Submit(
        id=id,
        target=Target("town.Hall", "Open", "north"),
        mode=Mode(True, True, True, outcome_retention_ms, 7),
        input=b"\x00\xff",
        headers=(("b", "1"), ("a", "2")),
        idempotency_key="k",
        delay_ms=1_000,
        must_be_new=True,
        mark=Mark("kafka/orders/0", 0),
    )


class FakeResidents:
    """Implements ``peer.port.Residents``.

    ``asked`` has each method that was called, with its arguments. ``error`` is raised by all of them. With ``held`` set
    they wait until it is not; ``waiting`` counts those that do. ``withdrawn`` counts those that were cancelled.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.error: Exception | None = None
        self.waiting = 0
        self.withdrawn = 0
        self.open = asyncio.Event()
        self.open.set()
        self.changed = asyncio.Condition()

    async def until_waiting(self, count: int) -> None:
        """Waits until so many wait."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.waiting == count)

    async def until_withdrawn(self, count: int) -> None:
        """Waits until so many were cancelled."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.withdrawn == count)

    async def submit(self, submit: Submit) -> str:
        await self._ask("submit", submit)
        return submit.id

    async def call(self, submit: Submit) -> tuple[str, Outcome]:
        await self._ask("call", submit)
        return submit.id, VALUE

    async def attach(self, name: InvocationName) -> EndedInvocation:
        await self._ask("attach", name)
        return ENDED

    async def output(self, name: InvocationName) -> EndedInvocation | None:
        await self._ask("output", name)
        return ENDED if name == "inv_1" else None

    async def handler_of(self, name: InvocationName) -> HandlerName:
        await self._ask("handler_of", name)
        return HANDLER

    async def cancel(self, name: InvocationName) -> None:
        await self._ask("cancel", name)

    async def signal(self, name: InvocationName, signal: str, result: Outcome) -> None:
        await self._ask("signal", name, signal, result)

    async def signal_type(self, name: InvocationName, signal: str) -> AwakeableFacts | None:
        await self._ask("signal_type", name, signal)
        return FACTS if signal == "known" else None

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        await self._ask("awakeable_type", awakeable_id)
        return FACTS

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        await self._ask("complete_awakeable", awakeable_id, result)

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        await self._ask("resume", invocation_id, on_newest)

    async def pause(self, invocation_id: str) -> None:
        await self._ask("pause", invocation_id)

    async def stop(self, invocation_id: str) -> None:
        await self._ask("stop", invocation_id)

    async def kill(self, invocation_id: str) -> None:
        await self._ask("kill", invocation_id)

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        await self._ask("restart", invocation_id, from_entry)
        return "inv_2"

    async def purge(self, invocation_id: str) -> None:
        await self._ask("purge", invocation_id)

    async def edit_state(self, edit: EditState) -> None:
        await self._ask("edit_state", edit)

    async def settle_promise(self, settle: SettlePromise) -> None:
        await self._ask("settle_promise", settle)

    async def refresh(self) -> None:
        await self._ask("refresh")

    async def _ask(self, *asked: object) -> None:
        self.asked.append(asked)
        try:
            if not self.open.is_set():
                await self._count(1)
                await self.open.wait()
                await self._count(-1)
        except asyncio.CancelledError:
            self.withdrawn += 1
            await self._count(-1)
            raise
        if self.error is not None:
            raise self.error

    async def _count(self, by: int) -> None:
        self.waiting += by
        async with self.changed:
            self.changed.notify_all()


class FakePost:
    """Implements ``peer.port.Post``: keeps what came, in order. ``arrived`` is set with each."""

    def __init__(self) -> None:
        self.came: list[object] = []
        self.arrived = asyncio.Event()

    async def until(self, count: int) -> None:
        """Waits until so much came."""
        while len(self.came) < count:
            self.arrived.clear()
            await self.arrived.wait()

    def receive(self, parcels: Sequence[Parcel]) -> None:
        self._take(tuple(parcels))

    def acknowledged(self, source: int, destination: int, seq: int) -> None:
        self._take((source, destination, seq))

    def look(self) -> None:
        self._take("look")

    def _take(self, what: object) -> None:
        self.came.append(what)
        self.arrived.set()
