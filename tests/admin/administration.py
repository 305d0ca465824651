"""A node as operators see it, that only remembers what it was asked."""

import asyncio
from collections.abc import Sequence

from perdure_protos.perdure.admin.v1.admin_pb2 import (
    Deployment,
    DescribeInvocationResponse,
    Divergence,
    VerifyDeploymentResponse,
)

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
        done: What was asked of deployments and invocations, in order.
        shown: How it shows an invocation.
        changes: What a registration breaks.
        change_class: Of which class that is.
        divergences: What an endpoint does not repeat.
    """

    def __init__(self) -> None:
        self.known: list[Deployment] = []
        self.done: list[tuple[object, ...]] = []
        self.shown = SHOWN
        self.changes: list[str] = []
        self.change_class = ""
        self.divergences: list[Divergence] = []
        self.trouble: Exception | None = None
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    async def register(self, addresses: Sequence[str], *, force: bool, verify: bool) -> Deployment:
        """Adds a deployment."""
        await self._do("register", *addresses, *_named(force=force, verify=verify))
        registered = Deployment(id=f"dp_{len(self.known) + 1}", addresses=addresses, changes=self.changes)
        registered.change_class = self.change_class
        self.known.append(registered)
        return self.known[-1]

    async def join(self, deployment_id: str, address: str) -> Deployment:
        """Remembers it."""
        await self._do("join", deployment_id, address)
        return Deployment(id=deployment_id, addresses=["localhost:9080", address])

    async def leave(self, deployment_id: str, address: str) -> Deployment:
        """Remembers it."""
        await self._do("leave", deployment_id, address)
        return Deployment(id=deployment_id, addresses=["localhost:9080"])

    async def deployments(self) -> list[Deployment]:
        """Lists them."""
        await self._answerable()
        return self.known

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Remembers it."""
        await self._do("remove", deployment_id, *_named(force=force))

    async def verify(self, address: str, limit: int) -> VerifyDeploymentResponse:
        """Remembers it, and tells of three replays."""
        await self._do("verify", address, limit)
        return VerifyDeploymentResponse(replayed=3, divergences=self.divergences)

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Remembers it."""
        await self._do("resume", invocation_id, *_named(on_newest=on_newest))

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


def _named(**flags: bool) -> list[str]:
    """The flags that are set."""
    return [name for name, is_set in flags.items() if is_set]
