"""What is generated for a service: contexts with their typed state, its facts, its handlers and its client."""

from dataclasses import dataclass

from perdure_codegen import naming
from perdure_codegen.contract import Contract, Field, Handler, HandlerKind, Message, Service, ServiceKind
from perdure_codegen.layout import docstring, fit
from perdure_codegen.references import References


@dataclass(frozen=True, slots=True)
class BaseClass:
    """A small class: its bases, docstring and the lines of its body, all finished."""

    name: str
    base: str
    doc: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Method:
    """A handler, finished.

    Attributes:
        facts: The lines of its `Handler(…)`.
        signature: Of the method of the handlers class.
        rpc: The attribute of the client class.
    """

    facts: tuple[str, ...]
    signature: str
    signature_doc: str
    rpc: str
    rpc_doc: str


@dataclass(frozen=True, slots=True)
class ServiceCode:
    """Everything of a service, finished."""

    constant: str
    facts: tuple[str, ...]
    contexts: tuple[BaseClass, ...]
    handlers: BaseClass
    client: BaseClass
    methods: tuple[Method, ...]

    @property
    def public(self) -> tuple[str, ...]:
        """The names that the module exports for it."""
        return (self.constant, *(each.name for each in self.contexts), self.handlers.name, self.client.name)


CONTEXTS = {
    ServiceKind.SERVICE: ("Context", "Context"),
    ServiceKind.VIRTUAL_OBJECT: ("ObjectContext", "SharedObjectContext"),
    ServiceKind.WORKFLOW: ("WorkflowContext", "WorkflowSharedContext"),
}
# Whom the two contexts are for.
CALLED = {
    ServiceKind.SERVICE: ("handlers", "handlers"),
    ServiceKind.VIRTUAL_OBJECT: ("exclusive handlers", "shared handlers"),
    ServiceKind.WORKFLOW: ("run handler", "shared handlers"),
}


class ServiceWriter:
    """Writes one service."""

    def __init__(self, service: Service, contract: Contract, references: References) -> None:
        self._service = service
        self._contract = contract
        self._references = references
        self._names = naming.ServiceNames(service)
        self._state = contract.messages[service.state] if service.state else None
        exclusive, shared = CONTEXTS[service.kind]
        # A contract without state and promises takes the contexts as they are.
        self._own_contexts = self._state is not None or bool(service.promises)
        self._context = self._names.context if self._own_contexts else f"_perdure.{exclusive}"
        self._shared_context = self._names.shared_context if self._own_contexts else f"_perdure.{shared}"

    def write(self) -> ServiceCode:
        """All of it."""
        service, names = self._service, self._names
        constant = f"service = {names.constant}"
        client = "ServiceClient" if service.kind is ServiceKind.SERVICE else "ObjectClient"
        return ServiceCode(
            constant=names.constant,
            facts=self._facts(),
            contexts=tuple(self._contexts()),
            handlers=BaseClass(names.handlers, "_perdure.Handlers", self._doc("The handlers"), (constant,)),
            client=BaseClass(names.client, f"_perdure.{client}[_perdure.CallerT]", self._doc("A client"), (constant,)),
            methods=tuple(self._method(handler) for handler in service.handlers),
        )

    def _doc(self, what: str) -> str:
        return docstring(self._service.comment or f"{what} of {self._service.full_name}.", depth=1)

    def _facts(self) -> tuple[str, ...]:
        facts = []
        if self._state is not None:
            facts.append(f"state={self._references.type(self._state.full_name)},")
        if self._own_contexts:
            facts += [f"context={self._context},", f"shared_context={self._shared_context},"]
        return (
            f'name="{self._service.full_name}",',
            f"kind=_perdure.ServiceKind.{self._service.kind.name},",
            *facts,
        )

    def _contexts(self) -> list[BaseClass]:
        if not self._own_contexts:
            return []
        names = self._names
        exclusive, shared = CONTEXTS[self._service.kind]
        classes, states = self._states()
        lines: list[tuple[str, ...]] = [(f"state_type = {state}",) if self._state else () for state in states]
        parameters = states
        if self._service.kind is ServiceKind.WORKFLOW:
            promises = "_perdure.Promises"
            if self._service.promises:
                classes.append(self._promises())
                promises = names.promises
                lines = [(*each, f"promises_type = {promises}") for each in lines]
            parameters = [f"{state}, {promises}" for state in states]
        whose = [f"For the {kind} of {self._service.full_name}." for kind in CALLED[self._service.kind]]
        for at, (name, base) in enumerate(((names.context, exclusive), (names.shared_context, shared))):
            classes.append(BaseClass(name, f"_perdure.{base}[{parameters[at]}]", _says(whose[at]), lines[at]))
        return classes

    def _states(self) -> tuple[list[BaseClass], list[str]]:
        if self._state is None:
            return [], ["_perdure.State", "_perdure.ReadState"]
        names = [self._names.state, self._names.read_state]
        classes = [
            BaseClass(name, f"_perdure.{base}", _says(self._state.comment), self._fields(self._state, f"{base}Field"))
            for name, base in zip(names, ("State", "ReadState"), strict=True)
        ]
        return classes, names

    def _fields(self, state: Message, descriptor: str) -> tuple[str, ...]:
        names = [naming.attribute(field) for field in state.fields]
        lines = []
        for name, field in zip(names, state.fields, strict=True):
            annotation = self._references.annotation(field, names)
            # A member of a oneof that is not set has no value at all.
            value = f"{annotation} | None" if field.oneof and not annotation.endswith(" | None") else annotation
            arguments = [f'"{field.name}"'] + ([f'"{name}"'] if name != field.name else [])
            lines.append(fit(f"{name} = _perdure.{descriptor}[{value}](", arguments, ")", depth=1))
            lines += [docstring(field.comment, depth=1)] if field.comment else []
        return tuple(lines)

    def _promises(self) -> BaseClass:
        lines = []
        for promise in self._service.promises:
            message = self._references.type(promise.type)
            head = f"{promise.name} = _perdure.DurablePromise[{message}]("
            lines.append(fit(head, [f'"{promise.name}"', message], ")", depth=1))
        return BaseClass(
            self._names.promises,
            "_perdure.Promises",
            _says(f"The promises of {self._service.full_name}."),
            tuple(lines),
        )

    def _method(self, handler: Handler) -> Method:
        request, response = self._references.type(handler.request), self._references.type(handler.response)
        name = naming.method(handler)
        context = self._shared_context if handler.kind is HandlerKind.SHARED else self._context
        facts = [
            f'name="{handler.name}",',
            f'method="{name}",',
            f"kind=_perdure.HandlerKind.{handler.kind.name},",
            f"request={request},",
            f"response={response},",
        ]
        if self._service.kind is not ServiceKind.SERVICE:
            facts.append(f'key_field="{naming.attribute(self._key(handler))}",')
        rpc = "RunRpc" if handler.kind is HandlerKind.RUN else "Rpc"
        ends = f") -> {response}:" if handler.comment else f") -> {response}: ..."
        return Method(
            facts=tuple(facts),
            signature=fit(f"async def {name}(", ["self", f"ctx: {context}", f"request: {request}"], ends, depth=1),
            signature_doc=docstring(handler.comment, depth=2) if handler.comment else "",
            rpc=fit(f"{name} = _perdure.{rpc}[", [request, response], f']("{handler.name}")', depth=1),
            rpc_doc=docstring(handler.comment, depth=1) if handler.comment else "",
        )

    def _key(self, handler: Handler) -> Field:
        (key,) = (field for field in self._contract.messages[handler.request].fields if field.key)
        return key


def _says(comment: str) -> str:
    return docstring(comment, depth=1) if comment else ""
