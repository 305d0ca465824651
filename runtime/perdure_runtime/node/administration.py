"""The cluster as operators see it: the admin API's port."""

from collections.abc import Awaitable, Callable, Sequence

from perdure_protos.perdure.admin.v1 import admin_pb2

from perdure_runtime.node.deployments import Deployments
from perdure_runtime.node.router import Router


class Administration:
    """Implements ``ingress.port.Administration``. All that changes something raises StorageFailure too."""

    def __init__(self, router: Router, deployments: Deployments, flush: Callable[[], Awaitable[None]]) -> None:
        """``flush`` waits until what this node has begun is durable."""
        self._router = router
        self._deployments = deployments
        self._flush = flush

    async def register(self, addresses: Sequence[str], *, force: bool, verify: bool) -> admin_pb2.Deployment:
        """Discovers the endpoint at these addresses and sends new invocations there. Raises RegistrationRefused."""
        return await self._deployments.register(addresses, force=force, verify=verify)

    async def join(self, deployment_id: str, address: str) -> admin_pb2.Deployment:
        """Adds a process to a deployment. Raises UnknownDeployment, RegistrationRefused."""
        return await self._deployments.join(deployment_id, address)

    async def leave(self, deployment_id: str, address: str) -> admin_pb2.Deployment:
        """Takes a process out of a deployment. Raises UnknownDeployment, RegistrationRefused."""
        return await self._deployments.leave(deployment_id, address)

    async def deployments(self) -> list[admin_pb2.Deployment]:
        """All deployments, oldest first."""
        return await self._deployments.list()

    async def remove(self, deployment_id: str, *, force: bool) -> None:
        """Sends nothing to a deployment any more. Raises UnknownDeployment, DeploymentInUse."""
        # Its work is counted in storage, which must have what it has just begun.
        await self._flush()
        await self._deployments.remove(deployment_id, force=force)

    async def verify(self, address: str, limit: int) -> admin_pb2.VerifyDeploymentResponse:
        """Replays journals on an endpoint, without side effects. Raises RegistrationRefused."""
        return await self._deployments.verify(address, limit)

    async def resume(self, invocation_id: str, *, on_newest: bool) -> None:
        """Tries a paused invocation again. Raises UnknownInvocation, WrongStatus."""
        await self._router.resume(invocation_id, on_newest=on_newest)

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation that has begun, until it is resumed. Raises UnknownInvocation, WrongStatus."""
        await self._router.pause(invocation_id)

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first. Raises UnknownInvocation, WrongStatus."""
        await self._router.stop(invocation_id)

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation, and all that it has called, at once. Raises UnknownInvocation, WrongStatus."""
        await self._router.kill(invocation_id)

    async def restart(self, invocation_id: str, from_entry: int) -> str:
        """Runs an ended invocation again and returns the new one's id. Raises UnknownInvocation, WrongStatus."""
        return await self._router.restart(invocation_id, from_entry)

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation. Raises UnknownInvocation, WrongStatus."""
        await self._router.purge(invocation_id)

    async def describe(self, invocation_id: str) -> admin_pb2.DescribeInvocationResponse:
        """Status and journal of an invocation. Raises UnknownInvocation."""
        return await self._router.describe(invocation_id)
