"""Deployments: which versions of endpoints there are."""

from perdure_protos.perdure.admin.v1 import deployments_pb2 as wire

from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.rpc import rpc


class Deployments:
    """The rpcs about deployments."""

    def __init__(self, node: Administration) -> None:
        self._node = node

    @rpc
    async def register_deployment(self, request: wire.RegisterDeploymentRequest) -> wire.Deployment:
        """Asks an endpoint for its services and sends their new invocations to it."""
        return await self._node.register(request.addresses, force=request.force, verify=request.verify)

    @rpc
    async def join_deployment(self, request: wire.JoinDeploymentRequest) -> wire.Deployment:
        """Adds a process to a deployment; it must serve as the others do."""
        return await self._node.join(request.id, request.address)

    @rpc
    async def leave_deployment(self, request: wire.LeaveDeploymentRequest) -> wire.Deployment:
        """Takes a process out of a deployment; the others start again what it runs."""
        return await self._node.leave(request.id, request.address)

    @rpc
    async def list_deployments(self, request: wire.ListDeploymentsRequest) -> wire.ListDeploymentsResponse:
        """Lists all deployments, the oldest first."""
        return wire.ListDeploymentsResponse(deployments=await self._node.deployments())

    @rpc
    async def remove_deployment(self, request: wire.RemoveDeploymentRequest) -> wire.RemoveDeploymentResponse:
        """Sends nothing to a deployment any more. Refused while it has work, unless forced."""
        await self._node.remove(request.id, force=request.force)
        return wire.RemoveDeploymentResponse()

    @rpc
    async def verify_deployment(self, request: wire.VerifyDeploymentRequest) -> wire.VerifyDeploymentResponse:
        """Replays journals on the endpoint at an address, without side effects, and says where it differs."""
        return await self._node.verify(request.address, request.limit)
