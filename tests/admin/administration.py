"""A node as operators see it, that only remembers what it was asked."""

import asyncio

from perdure_protos.perdure.admin.v1.admin_pb2 import Deployment, DescribeInvocationResponse

SHOWN = DescribeInvocationResponse(
    invocation_id="inv_1",
    handler="shop.v1.Accounts/Add",
    key="ada",
    status="paused",
    attempt=3,
    last_error="the bank is closed",
    journal=["get state 'balance'", *[f"run 'step {number}'" for number in range(1, 11)]],
)


class FakeAdministration:
    """Does what it is asked, or raises ``trouble``. While it is not ``free`` it answers nothing.

    Attributes:
        known: What was registered.
        done: What was asked of invocations, in order.
        shown: How it shows an invocation.
    """

    def __init__(self) -> None:
        self.known: list[Deployment] = []
        self.done: list[tuple[object, ...]] = []
        self.shown = SHOWN
        self.trouble: Exception | None = None
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def register(self, address: str) -> Deployment:
        """Adds a deployment."""
        await self._answerable()
        self.known.append(Deployment(id=f"dp_{len(self.known) + 1}", address=address))
        return self.known[-1]

    async def deployments(self) -> list[Deployment]:
        """Lists them."""
        await self._answerable()
        return self.known

    async def resume(self, invocation_id: str) -> None:
        """Remembers it."""
        await self._do("resume", invocation_id)

    async def pause(self, invocation_id: str) -> None:
        """Remembers it."""
        await self._do("pause", invocation_id)

    async def cancel(self, invocation_id: str) -> None:
        """Remembers it."""
        await self._do("cancel", invocation_id)

    async def kill(self, invocation_id: str) -> None:
        """Remembers it."""
        await self._do("kill", invocation_id)

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Remembers it, and names the new invocation."""
        await self._do("restart", invocation_id, from_entry)
        return "inv_2"

    async def purge(self, invocation_id: str) -> None:
        """Remembers it."""
        await self._do("purge", invocation_id)

    async def describe(self, invocation_id: str) -> DescribeInvocationResponse:
        """Remembers it, and shows what there is."""
        await self._do("describe", invocation_id)
        return self.shown

    async def _do(self, *what: object) -> None:
        await self._answerable()
        self.done.append(what)

    async def _answerable(self) -> None:
        self.asked.set()
        await self.free.wait()
        if self.trouble is not None:
            raise self.trouble
