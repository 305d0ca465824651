"""Server reflection, which is how grpcurl and others learn a contract: `grpc.reflection.v1`, and v1alpha before it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from grpclib.const import Status

from perdure_runtime.ingress.grpc.catalog import Catalog
from perdure_runtime.ingress.grpc.method import Conversation, Method, Streaming
from perdure_runtime.ingress.grpc.request import read_request
from perdure_runtime.ingress.grpc.standard import ServerReflectionRequest, ServerReflectionResponse

if TYPE_CHECKING:
    from grpclib.reflection.v1 import reflection_pb2 as v1


def reflection_methods(catalog: Catalog) -> Mapping[str, Method]:
    """The methods by path. The messages of both versions are the same on the wire."""
    method = Streaming(Reflection(catalog).converse)
    return {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo": method,
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": method,
    }


class Reflection:
    """Answers from a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def converse(self, conversation: Conversation) -> None:
        """Answers each question in turn. Raises Refusal."""
        while (message := await conversation.receive()) is not None:
            request = read_request(ServerReflectionRequest, message)
            response = ServerReflectionResponse(valid_host=request.host, original_request=request)
            self._answer(request, response)
            await conversation.send(response.SerializeToString())

    def _answer(self, request: "v1.ServerReflectionRequest", response: "v1.ServerReflectionResponse") -> None:
        match request.WhichOneof("message_request"):
            case "list_services":
                for name in self._catalog.services():
                    response.list_services_response.service.add(name=name)
            case "file_by_filename":
                name = request.file_by_filename
                _give(response, self._catalog.named(name), f"no file {name[:300]!r}")
            case "file_containing_symbol":
                name = request.file_containing_symbol
                _give(response, self._catalog.declaring(name), f"nothing called {name[:300]!r}")
            case "file_containing_extension":
                asked = request.file_containing_extension
                files = self._catalog.extending(asked.containing_type, asked.extension_number)
                _give(response, files, f"no extension {asked.extension_number} of {asked.containing_type[:300]!r}")
            case "all_extension_numbers_of_type":
                self._number_extensions(request.all_extension_numbers_of_type, response)
            case _:
                response.error_response.error_code = Status.INVALID_ARGUMENT.value
                response.error_response.error_message = "the request asks nothing"

    def _number_extensions(self, message: str, response: "v1.ServerReflectionResponse") -> None:
        numbers = self._catalog.extensions(message)
        if numbers is None:
            _say_unknown(response, f"no message {message[:300]!r}")
            return
        response.all_extension_numbers_response.base_type_name = message
        response.all_extension_numbers_response.extension_number.extend(numbers)


def _give(response: "v1.ServerReflectionResponse", files: list[bytes], unknown: str) -> None:
    if files:
        response.file_descriptor_response.file_descriptor_proto.extend(files)
    else:
        _say_unknown(response, unknown)


def _say_unknown(response: "v1.ServerReflectionResponse", unknown: str) -> None:
    response.error_response.error_code = Status.NOT_FOUND.value
    response.error_response.error_message = f"{unknown} is served here; list the services to see what is"
