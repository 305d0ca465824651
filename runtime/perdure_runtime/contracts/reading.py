"""From the descriptors of a deployment to facts, checked."""

from types import MappingProxyType

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from perdure_runtime.contracts import execution
from perdure_runtime.contracts.descriptors import Descriptors
from perdure_runtime.contracts.error import ContractError
from perdure_runtime.contracts.facts import HandlerFacts, HandlerKind, ServiceFacts, ServiceKind
from perdure_runtime.contracts.options import Option, Options
from perdure_runtime.contracts.schedules import read_schedules
from perdure_runtime.partition.policy import DEFAULT, Execution
from perdure_runtime.partition.rows import LAST_MS, Mode

# What an rpc may say of itself in each kind of service.
FITTING = {
    ServiceKind.SERVICE: frozenset[str](),
    ServiceKind.VIRTUAL_OBJECT: frozenset({"EXCLUSIVE", "SHARED"}),
    ServiceKind.WORKFLOW: frozenset({"RUN", "SHARED"}),
}


def read_service(descriptors: Descriptors, name: str, default: Execution = DEFAULT) -> ServiceFacts:
    """The facts of one service; ``default`` is what its contract leaves out. Raises ContractError."""
    service = descriptors.service(name)
    options = Options(descriptors)
    option = options.of_service(service)
    kind = ServiceKind[option.enum("kind") or "SERVICE"]
    public = option.enum("visibility") != "PRIVATE"
    state = _state(descriptors, name, kind, option.text("state"))
    handlers = {
        method.name: _handler(descriptors, options, option, kind, public, method, default) for method in service.methods
    }
    runs = [handler.name for handler in handlers.values() if handler.kind is HandlerKind.RUN]
    schedules = [schedule.name for handler in handlers.values() for schedule in handler.schedules]
    for schedule in schedules:
        if schedules.count(schedule) > 1:
            raise ContractError(f"{name} has more than one schedule named {schedule}; give each its own name")
    if kind is ServiceKind.WORKFLOW and len(runs) != 1:
        raise ContractError(
            f"workflow {name} has {len(runs)} run handlers ({', '.join(runs) or 'none'}); name exactly one rpc Run"
        )
    promises = {each.text("name"): _found(descriptors, each.text("type")) for each in option.many("promises")}
    return ServiceFacts(name, kind, public, MappingProxyType(handlers), descriptors, state, MappingProxyType(promises))


def _handler(
    descriptors: Descriptors,
    options: Options,
    service: Option,
    service_kind: ServiceKind,
    service_public: bool,
    method: MethodDescriptor,
    default: Execution,
) -> HandlerFacts:
    if method.client_streaming or method.server_streaming:
        raise ContractError(f"{method.full_name} streams; handlers take one request and give one response")
    option = options.of_method(method)
    kind = _kind(service_kind, method, option.enum("kind"))
    visibility = option.enum("visibility")
    request = message_factory.GetMessageClass(method.input_type)
    key_field = _key_field(options, service_kind, method, method.input_type)
    how = execution.resolve(option, service, default, is_run=kind is HandlerKind.RUN)
    return HandlerFacts(
        service=method.containing_service.full_name,
        name=method.name,
        service_kind=service_kind,
        kind=kind,
        mode=Mode(
            exclusive=kind is not HandlerKind.SHARED,
            once=kind is HandlerKind.RUN,
            explicit_cancellation=execution.is_cancelled_explicitly(option, service),
            # A row must hold them.
            outcome_retention_ms=min(how.outcome_retention_ms, LAST_MS),
            journal_retention_ms=min(how.journal_retention_ms, LAST_MS),
        ),
        public=visibility == "PUBLIC" if visibility else service_public,
        request=request,
        response=message_factory.GetMessageClass(method.output_type),
        key_field=key_field,
        execution=how,
        descriptors=descriptors,
        schedules=read_schedules(option, request, key_field, descriptors),
    )


def _kind(service_kind: ServiceKind, method: MethodDescriptor, said: str) -> HandlerKind:
    if said and said not in FITTING[service_kind]:
        fitting = " or ".join(sorted(FITTING[service_kind])) or "no kind at all"
        raise ContractError(
            f"{method.full_name} has kind {said}, which is not for a {service_kind.value}: its rpcs take {fitting}"
        )
    if said:
        return HandlerKind[said]
    if service_kind is ServiceKind.VIRTUAL_OBJECT:
        return HandlerKind.EXCLUSIVE
    if service_kind is ServiceKind.WORKFLOW and method.name == "Run":
        return HandlerKind.RUN
    return HandlerKind.SHARED


def _key_field(options: Options, kind: ServiceKind, method: MethodDescriptor, request: Descriptor) -> str | None:
    if kind is ServiceKind.SERVICE:
        return None
    keys = [field for field in request.fields if options.of_field(field).flag("key")]
    if len(keys) != 1:
        raise ContractError(
            f"{request.full_name}, the request of {method.full_name}, has {len(keys)} key fields; "
            "mark exactly one string field with [(perdure.v1.field) = { key: true }]"
        )
    (key,) = keys
    if key.type != FieldDescriptor.TYPE_STRING or key.is_repeated:
        raise ContractError(f"{key.full_name} is marked as the key but is not one string; a key is a string field")
    return key.name


def _state(descriptors: Descriptors, service: str, kind: ServiceKind, state: str) -> Descriptor | None:
    if not state:
        return None
    if kind is ServiceKind.SERVICE:
        raise ContractError(f"{service} has state {state} but is a plain service; make it a VIRTUAL_OBJECT or WORKFLOW")
    found = _found(descriptors, state)
    if found is None:
        raise ContractError(
            f"the state message {state} of {service} is not among the endpoint's descriptors; write its full name "
            "and import its file"
        )
    return found


def _found(descriptors: Descriptors, message: str) -> Descriptor | None:
    try:
        return descriptors.pool.FindMessageTypeByName(message.removeprefix("."))
    except KeyError:
        return None
