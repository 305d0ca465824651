"""Services: what their contracts say, and what operators have set in place of that."""

from grpclib.const import Status
from perdure_protos.perdure.admin.v1 import deployments_pb2 as wire

from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.contracts import ContractError, HandlerFacts, ServiceFacts
from perdure_runtime.contracts.overlay import SERVICE_SETTINGS, check
from perdure_runtime.contracts.schema import example_of, schema_of
from perdure_runtime.ingress.refusal import Refusal


class Services:
    """The rpcs about services, as their newest deployments have them."""

    def __init__(self, node: Administration) -> None:
        self._node = node

    @rpc
    async def list_services(self, request: wire.ListServicesRequest) -> wire.ListServicesResponse:
        """Lists all services with their handlers, by name."""
        settings = await self._node.definitions(SERVICE_SETTINGS)
        known = sorted(self._node.contracts.values(), key=lambda service: service.name)
        return wire.ListServicesResponse(services=[self._shown(each, settings.get(each.name)) for each in known])

    @rpc
    async def get_service(self, request: wire.GetServiceRequest) -> wire.Service:
        """Shows a service, with the JSON Schema of each request and an example of it."""
        facts = self._find(request.name)
        settings = await self._node.definitions(SERVICE_SETTINGS)
        shown = self._shown(facts, settings.get(facts.name))
        for handler in shown.handlers:
            request_type = facts.handlers[handler.name].request
            handler.request_schema = schema_of(request_type)
            handler.request_example = example_of(request_type)
        return shown

    @rpc
    async def update_service(self, request: wire.UpdateServiceRequest) -> wire.Service:
        """Sets how a service is treated, in place of what its contract says; empty settings clear that."""
        facts = self._find(request.name)
        try:
            check(request.settings)
        except ContractError as error:
            raise Refusal(Status.INVALID_ARGUMENT, str(error)) from error
        content = request.settings.SerializeToString(deterministic=True)
        await self._node.define(SERVICE_SETTINGS, facts.name, content or None)
        return self._shown(self._find(request.name), content)

    @rpc
    async def get_descriptors(self, request: wire.GetDescriptorsRequest) -> wire.GetDescriptorsResponse:
        """Gives the descriptors of a service: all that is known of its contract."""
        facts = self._find(request.service)
        return wire.GetDescriptorsResponse(descriptors=facts.descriptors.files_of(facts.name))

    def _find(self, name: str) -> ServiceFacts:
        contracts = self._node.contracts
        facts = contracts.get(name)
        if facts is None:
            known = ", ".join(sorted(contracts)[:20]) or "none: register an endpoint first"
            raise Refusal(Status.NOT_FOUND, f"there is no service {name[:100]!r}; the services here are {known}")
        return facts

    def _shown(self, facts: ServiceFacts, settings: bytes | None) -> wire.Service:
        comments = facts.descriptors.comments
        return wire.Service(
            name=facts.name,
            kind=facts.kind.value,
            public=facts.public,
            deployment_id=self._node.newest_of(facts.name),
            handlers=[_handler(handler, comments) for handler in facts.handlers.values()],
            state=facts.state.full_name if facts.state is not None else "",
            promises=[
                wire.Service.Promise(name=name, type=type.full_name if type is not None else "")
                for name, type in facts.promises.items()
            ],
            comment=comments.get(facts.name, ""),
            settings=wire.ServiceSettings.FromString(settings) if settings else None,
        )


def _handler(facts: HandlerFacts, comments: dict[str, str]) -> wire.Handler:
    how, retry = facts.execution, facts.execution.retry
    return wire.Handler(
        name=facts.name,
        kind=facts.kind.value,
        public=facts.public,
        request=facts.request.DESCRIPTOR.full_name,
        response=facts.response.DESCRIPTOR.full_name,
        key_field=facts.key_field or "",
        idempotency_retention_ms=how.outcome_retention_ms,
        journal_retention_ms=how.journal_retention_ms,
        inactivity_timeout_ms=how.inactivity_timeout_ms,
        abort_timeout_ms=how.abort_timeout_ms,
        retry=wire.RetryPolicy(
            initial_interval_ms=retry.initial_ms,
            factor=retry.factor,
            max_interval_ms=retry.max_interval_ms,
            max_attempts=retry.max_attempts,
            pause=retry.pause,
        ),
        comment=comments.get(f"{facts.service}.{facts.name}", ""),
    )
