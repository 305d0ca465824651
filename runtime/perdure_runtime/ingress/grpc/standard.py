"""The messages of gRPC's health and reflection services, in a pool of their own.

Not those that grpclib ships: importing them puts their names into the pool of the process, which takes each name once.
A process that runs a node and its endpoint may hold other copies, such as those of grpcio-health-checking.
"""

from typing import TYPE_CHECKING, cast

from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

if TYPE_CHECKING:
    from grpclib.health.v1 import health_pb2
    from grpclib.reflection.v1 import reflection_pb2

TYPES = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "int32": FieldDescriptorProto.TYPE_INT32,
}


def _add_fields(message: DescriptorProto, package: str, *fields: tuple[str, int, str]) -> None:
    """Fields by name, number and type: "bytes", "repeated bytes", or the name of a message of the package."""
    for name, number, kind in fields:
        many = kind.startswith("repeated ")
        kind = kind.removeprefix("repeated ")
        field = message.field.add(name=name, number=number)
        field.label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
        field.type = TYPES.get(kind, FieldDescriptorProto.TYPE_MESSAGE)
        if kind not in TYPES:
            field.type_name = f".{package}.{kind}"


def _add_choice(message: DescriptorProto, package: str, name: str, *fields: tuple[str, int, str]) -> None:
    """A oneof with its fields."""
    index = len(message.oneof_decl)
    message.oneof_decl.add(name=name)
    before = len(message.field)
    _add_fields(message, package, *fields)
    for field in message.field[before:]:
        field.oneof_index = index


def _health() -> FileDescriptorProto:
    package = "grpc.health.v1"
    file = FileDescriptorProto(name="grpc/health/v1/health.proto", package=package, syntax="proto3")
    _add_fields(file.message_type.add(name="HealthCheckRequest"), package, ("service", 1, "string"))
    response = file.message_type.add(name="HealthCheckResponse")
    statuses = response.enum_type.add(name="ServingStatus")
    for number, name in enumerate(("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")):
        statuses.value.add(name=name, number=number)
    status = response.field.add(name="status", number=1, label=FieldDescriptorProto.LABEL_OPTIONAL)
    status.type, status.type_name = FieldDescriptorProto.TYPE_ENUM, f".{package}.HealthCheckResponse.ServingStatus"
    service = file.service.add(name="Health")
    types = {"input_type": f".{package}.HealthCheckRequest", "output_type": f".{package}.HealthCheckResponse"}
    service.method.add(name="Check", **types)
    service.method.add(name="Watch", server_streaming=True, **types)
    return file


def _reflection(version: str) -> FileDescriptorProto:
    package = f"grpc.reflection.{version}"
    file = FileDescriptorProto(name=f"grpc/reflection/{version}/reflection.proto", package=package, syntax="proto3")
    request = file.message_type.add(name="ServerReflectionRequest")
    _add_fields(request, package, ("host", 1, "string"))
    _add_choice(
        request,
        package,
        "message_request",
        ("file_by_filename", 3, "string"),
        ("file_containing_symbol", 4, "string"),
        ("file_containing_extension", 5, "ExtensionRequest"),
        ("all_extension_numbers_of_type", 6, "string"),
        ("list_services", 7, "string"),
    )
    extension = file.message_type.add(name="ExtensionRequest")
    _add_fields(extension, package, ("containing_type", 1, "string"), ("extension_number", 2, "int32"))
    response = file.message_type.add(name="ServerReflectionResponse")
    _add_fields(response, package, ("valid_host", 1, "string"), ("original_request", 2, "ServerReflectionRequest"))
    _add_choice(
        response,
        package,
        "message_response",
        ("file_descriptor_response", 4, "FileDescriptorResponse"),
        ("all_extension_numbers_response", 5, "ExtensionNumberResponse"),
        ("list_services_response", 6, "ListServiceResponse"),
        ("error_response", 7, "ErrorResponse"),
    )
    files = file.message_type.add(name="FileDescriptorResponse")
    _add_fields(files, package, ("file_descriptor_proto", 1, "repeated bytes"))
    numbers = file.message_type.add(name="ExtensionNumberResponse")
    _add_fields(numbers, package, ("base_type_name", 1, "string"), ("extension_number", 2, "repeated int32"))
    services = file.message_type.add(name="ListServiceResponse")
    _add_fields(services, package, ("service", 1, "repeated ServiceResponse"))
    _add_fields(file.message_type.add(name="ServiceResponse"), package, ("name", 1, "string"))
    error = file.message_type.add(name="ErrorResponse")
    _add_fields(error, package, ("error_code", 1, "int32"), ("error_message", 2, "string"))
    file.service.add(name="ServerReflection").method.add(
        name="ServerReflectionInfo",
        input_type=f".{package}.ServerReflectionRequest",
        output_type=f".{package}.ServerReflectionResponse",
        client_streaming=True,
        server_streaming=True,
    )
    return file


_pool = DescriptorPool()
_files = (_health(), _reflection("v1"), _reflection("v1alpha"))
for _file in _files:
    _pool.Add(_file)

HEALTH_FILE, *REFLECTION_FILES = [_pool.FindFileByName(_file.name) for _file in _files]


def _class(name: str) -> object:
    return GetMessageClass(_pool.FindMessageTypeByName(name))


HealthCheckRequest = cast("type[health_pb2.HealthCheckRequest]", _class("grpc.health.v1.HealthCheckRequest"))
HealthCheckResponse = cast("type[health_pb2.HealthCheckResponse]", _class("grpc.health.v1.HealthCheckResponse"))
# Both versions of reflection are the same on the wire.
ServerReflectionRequest = cast(
    "type[reflection_pb2.ServerReflectionRequest]", _class("grpc.reflection.v1.ServerReflectionRequest")
)
ServerReflectionResponse = cast(
    "type[reflection_pb2.ServerReflectionResponse]", _class("grpc.reflection.v1.ServerReflectionResponse")
)
