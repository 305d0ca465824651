"""From the descriptor of a service to its facts."""

from types import MappingProxyType
from typing import TypeVar

from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto

from perdure_codegen.contract import Execution, Handler, HandlerKind, Place, Promise, Service, ServiceKind
from perdure_codegen.options import Option, Options
from perdure_codegen.problem import Problem, Unreadable
from perdure_codegen.source import Source

Kind = TypeVar("Kind", ServiceKind, HandlerKind)
RETRY_DURATIONS = ("initial_interval", "max_interval")
EXECUTION_DURATIONS = ("idempotency_retention", "journal_retention", "inactivity_timeout", "abort_timeout")


class ServiceParser:
    """Reads the services of one file."""

    def __init__(self, file: FileDescriptorProto, source: Source, options: Options) -> None:
        self._package = file.package
        self._source = source
        self._options = options

    def parse(self, service: ServiceDescriptorProto, index: int) -> Service:
        """The facts of the service with this index in its file."""
        path = (6, index)
        full_name = f"{self._package}.{service.name}".lstrip(".")
        option = self._options.read(service.options, "perdure.v1.service")
        place = self._source.option(path, 3)
        kind = _known(ServiceKind, option.enum("kind") or "SERVICE", place)
        return Service(
            name=service.name,
            full_name=full_name,
            place=self._source.place(path),
            option=place,
            comment=self._source.comment(path, service.options.deprecated),
            kind=kind,
            state=option.text("state").removeprefix("."),
            promises=tuple(
                Promise(promise.text("name"), promise.text("type").removeprefix("."))
                for promise in option.list("promises")
            ),
            handlers=tuple(
                self._handler(method, (*path, 2, at), kind, full_name) for at, method in enumerate(service.method)
            ),
            execution=_execution(option, "workflow_retention"),
        )

    def _handler(
        self, method: MethodDescriptorProto, path: tuple[int, ...], kind: ServiceKind, service: str
    ) -> Handler:
        option = self._options.read(method.options, "perdure.v1.method")
        said = option.enum("kind")
        place = self._source.option(path, 4)
        said_kind = _known(HandlerKind, said, place) if said else None
        return Handler(
            name=method.name,
            full_name=f"{service}.{method.name}",
            place=self._source.place(path),
            option=place,
            comment=self._source.comment(path, method.options.deprecated),
            kind=said_kind or _default_kind(kind, method.name),
            said_kind=said_kind,
            request=method.input_type.lstrip("."),
            response=method.output_type.lstrip("."),
            streams=method.client_streaming or method.server_streaming,
            execution=_execution(option),
        )


def _known(kinds: type[Kind], said: str, place: Place) -> Kind:
    if said not in kinds.__members__:
        sentence = f"{said} is newer than this protoc-gen-perdure: install the version that the annotations are of"
        raise Unreadable(Problem(place, "kind", sentence))
    return kinds[said]


def _default_kind(kind: ServiceKind, method: str) -> HandlerKind:
    match kind:
        case ServiceKind.SERVICE:
            return HandlerKind.PLAIN
        case ServiceKind.VIRTUAL_OBJECT:
            return HandlerKind.EXCLUSIVE
        case ServiceKind.WORKFLOW:
            return HandlerKind.RUN if method == "Run" else HandlerKind.SHARED


def _execution(option: Option, *own_durations: str) -> Execution:
    execution = option.nested("execution")
    retry = execution.nested("retry")
    said = {name: option.duration_ns(name) for name in own_durations}
    said |= {f"execution.{name}": execution.duration_ns(name) for name in EXECUTION_DURATIONS}
    said |= {f"execution.retry.{name}": retry.duration_ns(name) for name in RETRY_DURATIONS}
    return Execution(
        durations_ns=MappingProxyType({path: each for path, each in said.items() if each is not None}),
        factor=retry.number("factor"),
    )
