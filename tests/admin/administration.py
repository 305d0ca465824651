"""A node as operators see it, that only remembers what it was asked."""

import asyncio
from collections.abc import Mapping, Sequence

from perdure_protos.perdure.admin.v1.cluster_pb2 import Node
from perdure_protos.perdure.admin.v1.deployments_pb2 import Deployment, Divergence, VerifyDeploymentResponse
from perdure_protos.perdure.protocol.v1.journal_pb2 import Outcome
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.port import AwakeableFacts
from perdure_runtime.partition.input import EditState, SettlePromise

from tests.admin.naive import NaiveSurvey


class FakeAdministration:
    """Does what it is asked, or raises ``trouble``. While it is not ``free`` it answers nothing.

    Attributes:
        survey: Has the rows that a test gives it.
        contracts: Those of the newest deployments.
        known: What was registered.
        done: What was asked of deployments and invocations, in order.
        defined: What was defined, by kind and name.
        changes: What a registration breaks.
        change_class: Of which class that is.
        divergences: What an endpoint does not repeat.
    """

    def __init__(self) -> None:
        self.survey = NaiveSurvey()
        self.contracts = Contracts()
        self.known: list[Deployment] = []
        self.done: list[tuple[object, ...]] = []
        self.defined: dict[str, dict[str, bytes]] = {}
        self.changes: list[str] = []
        self.change_class = ""
        self.divergences: list[Divergence] = []
        self.clock_ms = 1_000_000
        self.trouble: Exception | None = None
        self.asked = asyncio.Event()
        self.free = asyncio.Event()
        self.free.set()

    def contracts_of(self, deployment_id: str) -> Contracts | None:
        """Whatever deployment it is."""
        return self.contracts

    def newest_of(self, service: str) -> str:
        """The last that was registered, or one that always was."""
        return self.known[-1].id if self.known else "dp_1"

    def partition_of(self, invocation_id: str) -> int:
        """There is one."""
        return 0

    def now_ms(self) -> int:
        """As the test sets it."""
        return self.clock_ms

    def nodes(self) -> Sequence[Node]:
        """This one."""
        return [Node(id="node", status="alive")]

    def settled_owner(self, partition: int) -> str:
        """This one."""
        return "node"

    async def definitions(self, kind: str) -> Mapping[str, bytes]:
        """What was defined."""
        await self._answerable()
        return dict(self.defined.get(kind, {}))

    async def define(self, kind: str, name: str, content: bytes | None) -> None:
        """Keeps it, or removes it."""
        await self._answerable()
        known = self.defined.setdefault(kind, {})
        if content is None:
            known.pop(name, None)
        else:
            known[name] = content

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

    async def edit_state(self, edit: EditState) -> None:
        """Remembers it."""
        await self._do("edit_state", edit)

    async def settle_promise(self, settle: SettlePromise) -> None:
        """Remembers it."""
        await self._do("settle_promise", settle)

    async def awakeable_type(self, awakeable_id: str) -> AwakeableFacts:
        """Of a service that nobody serves."""
        await self._answerable()
        return AwakeableFacts("shop.v1.Orders", "shop.v1.Approval")

    async def complete_awakeable(self, awakeable_id: str, result: Outcome) -> None:
        """Remembers it."""
        await self._do("complete_awakeable", awakeable_id, result)

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
