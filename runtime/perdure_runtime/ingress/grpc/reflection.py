"""Server reflection, which is how grpcurl and others learn a contract: `grpc.reflection.v1`, and v1alpha before it."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError
from grpclib.const import Status
from grpclib.health.v1 import health_pb2
from grpclib.reflection.v1 import reflection_pb2 as v1
from grpclib.reflection.v1alpha import reflection_pb2 as v1alpha
from perdure_protos.perdure.ingress.v1 import ingress_pb2

from perdure_runtime.contracts import Descriptors
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.grpc.method import Conversation, Method, Streaming
from perdure_runtime.ingress.refusal import Refusal

RequestType: TypeAlias = type[v1.ServerReflectionRequest] | type[v1alpha.ServerReflectionRequest]
Request: TypeAlias = v1.ServerReflectionRequest | v1alpha.ServerReflectionRequest
Response: TypeAlias = v1.ServerReflectionResponse | v1alpha.ServerReflectionResponse

# What a node serves beside the services of users, with the files that declare it.
OWN = {
    "perdure.ingress.v1.IngressService": ingress_pb2.DESCRIPTOR,
    "grpc.health.v1.Health": health_pb2.DESCRIPTOR,
    "grpc.reflection.v1.ServerReflection": v1.DESCRIPTOR,
    "grpc.reflection.v1alpha.ServerReflection": v1alpha.DESCRIPTOR,
}


def reflection_methods(desk: Desk) -> Mapping[str, Method]:
    """The methods by path."""
    reflection = Reflection(desk)

    async def newer(conversation: Conversation) -> None:
        await reflection.converse(conversation, v1.ServerReflectionRequest, v1.ServerReflectionResponse)

    async def older(conversation: Conversation) -> None:
        await reflection.converse(conversation, v1alpha.ServerReflectionRequest, v1alpha.ServerReflectionResponse)

    return {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": Streaming(newer),
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": Streaming(older),
    }


class Reflection:
    """Answers from the descriptors that deployments have registered. Private services are not shown."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def converse(
        self,
        conversation: Conversation,
        request_type: type[Request],
        response_type: type[Response],
    ) -> None:
        """Answers each question in turn. Raises Refusal."""
        while (message := await conversation.receive()) is not None:
            try:
                request = request_type.FromString(message)
            except DecodeError as error:
                sentence = f"the request is no {request_type.DESCRIPTOR.full_name}: {error}"
                raise Refusal(Status.INVALID_ARGUMENT, sentence) from error
            response = response_type(valid_host=request.host)
            response.original_request.ParseFromString(message)
            self._answer(request, response)
            await conversation.send(response.SerializeToString())

    def _answer(self, request: Request, response: Response) -> None:
        question = request.WhichOneof("message_request")
        if question == "list_services":
            for name in self._services():
                response.list_services_response.service.add(name=name)
        elif question == "file_by_filename":
            self._files(request.file_by_filename, self._closure(request.file_by_filename), response)
        elif question == "file_containing_symbol":
            self._files(request.file_containing_symbol, self._declaring(request.file_containing_symbol), response)
        else:
            response.error_response.error_code = Status.UNIMPLEMENTED.value
            response.error_response.error_message = f"{question or 'an empty question'} is not answered here"

    def _files(self, name: str, files: Iterable[bytes], response: Response) -> None:
        response.file_descriptor_response.file_descriptor_proto.extend(files)
        if not response.file_descriptor_response.file_descriptor_proto:
            response.error_response.error_code = Status.NOT_FOUND.value
            response.error_response.error_message = f"nothing that is served here is called {name[:300]!r}"

    def _services(self) -> list[str]:
        shown = [service.name for service in self._desk.contracts.values() if service.visible]
        return sorted([*shown, *OWN])

    def _sets(self) -> Iterable[Descriptors]:
        """The descriptors of all that is shown, each deployment's once."""
        return dict.fromkeys(service.descriptors for service in self._desk.contracts.values() if service.visible)

    def _closure(self, name: str) -> list[bytes]:
        for descriptors in self._sets():
            if descriptors.file(name) is not None:
                return descriptors.closure(name)
        try:
            return _closure_of(descriptor_pool.Default().FindFileByName(name))
        except KeyError:
            return []

    def _declaring(self, symbol: str) -> list[bytes]:
        symbol = symbol.removeprefix(".")
        for descriptors in self._sets():
            name = descriptors.file_of(symbol)
            if name is not None:
                return descriptors.closure(name)
        for service, file in OWN.items():
            if symbol == service or symbol.startswith(f"{file.package}."):
                return _closure_of(file)
        return []


def _closure_of(file: FileDescriptor) -> list[bytes]:
    """A file that this process has linked, and all that it needs, itself first."""
    files = [file]
    for each in files:
        files.extend(needed for needed in each.dependencies if needed not in files)
    closure = []
    for each in files:
        proto = descriptor_pb2.FileDescriptorProto()
        each.CopyToProto(proto)
        closure.append(proto.SerializeToString(deterministic=True))
    return closure
