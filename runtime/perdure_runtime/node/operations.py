"""The node as operators see it: the admin API's port."""

import secrets
from collections.abc import Callable

from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.ingress.port import UnknownInvocation, WrongStatus
from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.deployments import Deployments
from perdure_runtime.node.describe import describe, status_name
from perdure_runtime.node.loop import PartitionLoop
from perdure_runtime.partition import ids
from perdure_runtime.partition.input import CancelInvocation, Kill, Pause, Purge, Restart, Resume
from perdure_runtime.partition.journal import is_command
from perdure_runtime.partition.lifecycle.callees import is_held_back
from perdure_runtime.partition.lifecycle.restart import unfinished
from perdure_runtime.partition.policy import DEFAULT, Execution
from perdure_runtime.partition.rows import BackingOff, Ended, Invocation, Paused, Running, Suspended
from perdure_runtime.storage.api import Storage


class Operations:
    """Implements ``ingress.port.Administration``. All that changes something raises StorageFailure too."""

    def __init__(
        self,
        storage: Storage,
        loop: PartitionLoop,
        invoker: Invoker,
        clock_ms: ClockMs,
        entropy: Callable[[int], int] = secrets.randbits,
        defaults: Execution = DEFAULT,
    ) -> None:
        self._loop = loop
        self._clock_ms = clock_ms
        self._entropy = entropy
        self._deployments = Deployments(storage, invoker, clock_ms, entropy, defaults)

    def restore(self) -> None:
        """Routes services to the deployments that are stored."""
        self._deployments.restore()

    async def register(self, address: str, *, force: bool, verify: bool) -> admin_pb2.Deployment:
        """Discovers the endpoint at ``host:port`` and sends new invocations there. Raises RegistrationRefused."""
        return await self._deployments.register(address, force=force, verify=verify)

    async def deployments(self) -> list[admin_pb2.Deployment]:
        """All deployments, oldest first."""
        return self._deployments.list()

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""
        # Its work is counted in storage, which must have what it has just begun.
        await self._loop.flush()
        self._deployments.remove(deployment_id, force=force)

    async def verify(self, address: str, limit: int) -> admin_pb2.VerifyDeploymentResponse:
        """Replays journals on an endpoint, without side effects. Raises RegistrationRefused."""
        return await self._deployments.verify(address, limit)

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus."""
        self._find(invocation_id, "only a paused one is resumed", Paused)
        await self._loop.ask(Resume(invocation_id, on_newest))

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation that has begun, until it is resumed. Raises UnknownInvocation, WrongStatus."""
        self._find(invocation_id, "only one that has begun is paused", Running, Suspended, BackingOff)
        await self._loop.ask(Pause(invocation_id))

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first. Raises UnknownInvocation, WrongStatus."""
        self._find_open(invocation_id, "there is nothing to cancel")
        await self._loop.ask(CancelInvocation(invocation_id))

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation, and all that it has called, at once. Raises UnknownInvocation, WrongStatus."""
        self._find_open(invocation_id, "there is nothing to kill")
        await self._loop.ask(Kill(invocation_id))

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again, with the journal before ``from_entry``, and returns the new one's id.

        Raises UnknownInvocation, WrongStatus.
        """
        ended = self._find(invocation_id, "only an ended one is restarted: kill it first", Ended)
        commands = self._commands_before(invocation_id, from_entry)
        target = ended.target
        new_id = ids.mint(self._clock_ms(), self._entropy(80), target.service, target.key)
        await self._loop.ask(Restart(invocation_id, new_id, commands))
        return new_id

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus."""
        ended = self._find(invocation_id, "only an ended one is purged: kill it first", Ended)
        caller = self._loop.latest(ended.caller.invocation_id) if ended.caller is not None else None
        if caller is not None and is_held_back(caller):
            raise WrongStatus(
                f"{invocation_id} has yet to give its result to its cancelled caller {caller.id}: "
                "purge it once that has been told"
            )
        await self._loop.ask(Purge(invocation_id, now=True))

    async def describe(self, invocation_id: str) -> admin_pb2.DescribeInvocationResponse:
        """Status and journal of an invocation. Raises UnknownInvocation."""
        invocation = self._loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        return describe(invocation, self._loop.journal(invocation_id))

    def _commands_before(self, invocation_id: str, entry: int) -> int:
        journal = self._loop.journal(invocation_id)
        if entry and entry >= len(journal):
            raise WrongStatus(f"the journal of {invocation_id} has {len(journal)} entries; none has index {entry}")
        if entry and not is_command(journal.entries[entry]):
            raise WrongStatus(f"entry {entry} of {invocation_id} is no command: name the command that is to run again")
        commands = sum(map(is_command, journal.entries[:entry]))
        waiting = unfinished(journal, commands)
        if waiting is not None:
            raise WrongStatus(
                f"command {waiting} of {invocation_id} stands before entry {entry} and has no result, which would go "
                "to the old invocation: restart from that command, or from an earlier one"
            )
        return commands

    def _find_open(self, invocation_id: str, otherwise: str) -> None:
        invocation = self._loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        if isinstance(invocation.status, Ended):
            raise WrongStatus(f"{invocation_id} has ended; {otherwise}")

    def _find(self, invocation_id: str, otherwise: str, *statuses: type[object]) -> Invocation:
        invocation = self._loop.latest(invocation_id)
        if invocation is None:
            raise UnknownInvocation(invocation_id)
        if not isinstance(invocation.status, statuses):
            raise WrongStatus(f"{invocation_id} is {status_name(invocation.status)}; {otherwise}")
        return invocation
