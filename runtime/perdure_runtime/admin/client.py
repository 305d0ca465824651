"""A client of the admin API of one node: what tests and tools of operators use. All methods raise AdminRefused."""

from collections.abc import AsyncIterator

from perdure_protos.perdure.admin.v1 import cluster_pb2, definitions_pb2, deployments_pb2, invocations_pb2, state_pb2
from perdure_protos.perdure.admin.v1.invocations_pb2 import BulkAction, InvocationFilter

from perdure_runtime.admin.asking import SERVICE, AdminRefused, Asking

__all__ = ["SERVICE", "AdminClient", "AdminRefused"]


class AdminClient(Asking):
    """Asks one node; ``ask`` takes what has no method of its own. It connects for each question."""

    # Deployments.

    async def register(self, *addresses: str, force: bool = False, verify: bool = False) -> deployments_pb2.Deployment:
        """Asks the endpoint whose processes serve at each ``host:port`` for its services, and sends new invocations
        there."""
        request = deployments_pb2.RegisterDeploymentRequest(addresses=addresses, force=force, verify=verify)
        return await self.ask("RegisterDeployment", request, deployments_pb2.Deployment)

    async def join(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Adds the process at ``host:port`` to a deployment."""
        request = deployments_pb2.JoinDeploymentRequest(id=deployment_id, address=address)
        return await self.ask("JoinDeployment", request, deployments_pb2.Deployment)

    async def leave(self, deployment_id: str, address: str) -> deployments_pb2.Deployment:
        """Takes the process at ``host:port`` out of a deployment; the others start again what it runs."""
        request = deployments_pb2.LeaveDeploymentRequest(id=deployment_id, address=address)
        return await self.ask("LeaveDeployment", request, deployments_pb2.Deployment)

    async def deployments(self) -> list[deployments_pb2.Deployment]:
        """All deployments, oldest first."""
        request = deployments_pb2.ListDeploymentsRequest()
        return list((await self.ask("ListDeployments", request, deployments_pb2.ListDeploymentsResponse)).deployments)

    async def remove_deployment(self, deployment_id: str, *, force: bool = False) -> None:
        """Sends nothing to a deployment any more."""
        request = deployments_pb2.RemoveDeploymentRequest(id=deployment_id, force=force)
        await self.ask("RemoveDeployment", request, deployments_pb2.RemoveDeploymentResponse)

    async def verify(self, address: str, limit: int = 0) -> deployments_pb2.VerifyDeploymentResponse:
        """Replays journals on the endpoint at ``host:port``, without side effects; at most ``limit``, 0 for 100."""
        request = deployments_pb2.VerifyDeploymentRequest(address=address, limit=limit)
        return await self.ask("VerifyDeployment", request, deployments_pb2.VerifyDeploymentResponse)

    # Services.

    async def services(self) -> list[deployments_pb2.Service]:
        """All services by name, without schemas."""
        request = deployments_pb2.ListServicesRequest()
        return list((await self.ask("ListServices", request, deployments_pb2.ListServicesResponse)).services)

    async def service(self, name: str) -> deployments_pb2.Service:
        """One service, with the schema and an example of each request."""
        return await self.ask("GetService", deployments_pb2.GetServiceRequest(name=name), deployments_pb2.Service)

    async def update_service(self, name: str, settings: deployments_pb2.ServiceSettings) -> deployments_pb2.Service:
        """Sets how a service is treated, in place of all settings before."""
        request = deployments_pb2.UpdateServiceRequest(name=name, settings=settings)
        return await self.ask("UpdateService", request, deployments_pb2.Service)

    async def descriptors(self, service: str) -> bytes:
        """The serialised FileDescriptorSet of a service."""
        request = deployments_pb2.GetDescriptorsRequest(service=service)
        return (await self.ask("GetDescriptors", request, deployments_pb2.GetDescriptorsResponse)).descriptors

    # Invocations.

    async def invocations(
        self, wanted: InvocationFilter | None = None, *, page_size: int = 1_000, oldest_first: bool = False
    ) -> AsyncIterator[invocations_pb2.Invocation]:
        """All invocations that fit, page after page."""
        request = invocations_pb2.ListInvocationsRequest(filter=wanted, page_size=page_size, oldest_first=oldest_first)
        while True:
            page = await self.ask("ListInvocations", request, invocations_pb2.ListInvocationsResponse)
            for invocation in page.invocations:
                yield invocation
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def count(self, wanted: InvocationFilter | None = None, limit: int = 0) -> int:
        """How many invocations fit."""
        request = invocations_pb2.CountInvocationsRequest(filter=wanted, limit=limit)
        return (await self.ask("CountInvocations", request, invocations_pb2.CountInvocationsResponse)).count

    async def invocation(self, invocation_id: str) -> invocations_pb2.Invocation:
        """One invocation, with its payloads."""
        request = invocations_pb2.GetInvocationRequest(invocation_id=invocation_id)
        return await self.ask("GetInvocation", request, invocations_pb2.Invocation)

    async def journal(
        self, invocation_id: str, from_index: int = 0, limit: int = 0
    ) -> invocations_pb2.GetJournalResponse:
        """The journal of an invocation; at most ``limit`` entries, 0 for 1,000."""
        request = invocations_pb2.GetJournalRequest(invocation_id=invocation_id, from_index=from_index, limit=limit)
        return await self.ask("GetJournal", request, invocations_pb2.GetJournalResponse)

    async def call_tree(self, invocation_id: str) -> invocations_pb2.GetCallTreeResponse:
        """What an invocation has called, and what those have."""
        request = invocations_pb2.GetCallTreeRequest(invocation_id=invocation_id)
        return await self.ask("GetCallTree", request, invocations_pb2.GetCallTreeResponse)

    async def resume(self, invocation_id: str, *, on_newest: bool = False) -> None:
        """Tries a paused invocation again; ``on_newest`` with the newest deployment of its service."""
        request = invocations_pb2.ResumeInvocationRequest(invocation_id=invocation_id, on_newest=on_newest)
        await self.ask("ResumeInvocation", request, invocations_pb2.ResumeInvocationResponse)

    async def pause(self, invocation_id: str) -> None:
        """Stops an invocation where it is, until it is resumed."""
        request = invocations_pb2.PauseInvocationRequest(invocation_id=invocation_id)
        await self.ask("PauseInvocation", request, invocations_pb2.PauseInvocationResponse)

    async def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end, what it has called first; handlers undo what they did."""
        request = invocations_pb2.CancelInvocationRequest(invocation_id=invocation_id)
        await self.ask("CancelInvocation", request, invocations_pb2.CancelInvocationResponse)

    async def kill(self, invocation_id: str) -> None:
        """Ends an invocation and what it has called, at once and without their handlers."""
        request = invocations_pb2.KillInvocationRequest(invocation_id=invocation_id)
        await self.ask("KillInvocation", request, invocations_pb2.KillInvocationResponse)

    async def restart(self, invocation_id: str, from_entry: int = 0) -> str:
        """Runs an ended invocation again, and returns the id of the new one.

        What stands in the journal before the command at ``from_entry``, counted from 0, is kept.
        """
        request = invocations_pb2.RestartInvocationRequest(invocation_id=invocation_id, from_entry=from_entry)
        return (await self.ask("RestartInvocation", request, invocations_pb2.RestartInvocationResponse)).invocation_id

    async def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation now."""
        request = invocations_pb2.PurgeInvocationRequest(invocation_id=invocation_id)
        await self.ask("PurgeInvocation", request, invocations_pb2.PurgeInvocationResponse)

    async def act(
        self, action: BulkAction.ValueType, wanted: InvocationFilter, page_size: int = 0
    ) -> AsyncIterator[invocations_pb2.ActOnInvocationsResponse]:
        """Does the same to all invocations that fit; tells after each page how far it has come."""
        request = invocations_pb2.ActOnInvocationsRequest(filter=wanted, action=action, page_size=page_size)
        while True:
            page = await self.ask("ActOnInvocations", request, invocations_pb2.ActOnInvocationsResponse)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    # Keys, and what handlers wait for.

    async def keys(self, service: str, prefix: str = "") -> AsyncIterator[str]:
        """The keys of a service that have state, sorted."""
        request = state_pb2.ListKeysRequest(service=service, prefix=prefix, page_size=1_000)
        while True:
            page = await self.ask("ListKeys", request, state_pb2.ListKeysResponse)
            for key in page.keys:
                yield key
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def state(self, service: str, key: str) -> state_pb2.State:
        """All of one key."""
        return await self.ask("GetState", state_pb2.GetStateRequest(service=service, key=key), state_pb2.State)

    async def edit_state(
        self, service: str, key: str, version: str, values: str, *, replace: bool = False
    ) -> state_pb2.State:
        """Changes state of a key; ``values`` is a JSON object, in which null clears a field."""
        request = state_pb2.EditStateRequest(service=service, key=key, version=version, values=values, replace=replace)
        return await self.ask("EditState", request, state_pb2.State)

    async def complete_promise(self, request: state_pb2.CompletePromiseRequest) -> None:
        """Resolves or rejects a promise of a workflow."""
        await self.ask("CompletePromise", request, state_pb2.CompletePromiseResponse)

    async def awakeables(self, request: state_pb2.ListAwakeablesRequest) -> state_pb2.ListAwakeablesResponse:
        """Awakeables that have no result yet: a page of them."""
        return await self.ask("ListAwakeables", request, state_pb2.ListAwakeablesResponse)

    async def complete_awakeable(self, request: state_pb2.CompleteAwakeableRequest) -> None:
        """Resolves or rejects an awakeable."""
        await self.ask("CompleteAwakeable", request, state_pb2.CompleteAwakeableResponse)

    # Definitions.

    async def put_subscription(self, subscription: definitions_pb2.Subscription) -> definitions_pb2.Subscription:
        """Defines a subscription, or changes it."""
        request = definitions_pb2.PutSubscriptionRequest(subscription=subscription)
        return await self.ask("PutSubscription", request, definitions_pb2.Subscription)

    async def subscriptions(self) -> list[definitions_pb2.Subscription]:
        """All subscriptions by name."""
        request = definitions_pb2.ListSubscriptionsRequest()
        answer = await self.ask("ListSubscriptions", request, definitions_pb2.ListSubscriptionsResponse)
        return list(answer.subscriptions)

    async def remove_subscription(self, name: str) -> None:
        """Removes a subscription."""
        request = definitions_pb2.RemoveSubscriptionRequest(name=name)
        await self.ask("RemoveSubscription", request, definitions_pb2.RemoveSubscriptionResponse)

    async def put_schedule(self, schedule: definitions_pb2.Schedule) -> definitions_pb2.Schedule:
        """Defines a schedule, or changes it."""
        request = definitions_pb2.PutScheduleRequest(schedule=schedule)
        return await self.ask("PutSchedule", request, definitions_pb2.Schedule)

    async def schedules(self) -> list[definitions_pb2.Schedule]:
        """All schedules by name."""
        request = definitions_pb2.ListSchedulesRequest()
        return list((await self.ask("ListSchedules", request, definitions_pb2.ListSchedulesResponse)).schedules)

    async def remove_schedule(self, name: str) -> None:
        """Removes a schedule."""
        request = definitions_pb2.RemoveScheduleRequest(name=name)
        await self.ask("RemoveSchedule", request, definitions_pb2.RemoveScheduleResponse)

    # The cluster.

    async def cluster(self) -> cluster_pb2.Cluster:
        """Nodes and partitions."""
        return await self.ask("GetCluster", cluster_pb2.GetClusterRequest(), cluster_pb2.Cluster)

    async def overview(self) -> cluster_pb2.Overview:
        """How the cluster does."""
        return await self.ask("GetOverview", cluster_pb2.GetOverviewRequest(), cluster_pb2.Overview)

    async def query(self, sql: str, *, limit: int = 0, timeout_ms: int = 0) -> cluster_pb2.QueryResponse:
        """Answers one SELECT over the views."""
        request = cluster_pb2.QueryRequest(sql=sql, limit=limit, timeout_ms=timeout_ms)
        return await self.ask("Query", request, cluster_pb2.QueryResponse)
