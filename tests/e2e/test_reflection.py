"""What grpcurl and its like do: learn the contract from a running node, and call it with nothing else."""

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from examples.demo.processes import Service, free_port


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    """A channel to a node with the mail service, one of whose handlers is private."""
    directory: Path = tmp_path_factory.mktemp("dev")
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    arguments = ["dev", "examples.reliable_communication.app:app", "--data", str(directory / "data"), *addresses]
    environment = {"PERDURE_LEDGER": str(directory / "ledger.txt")}
    service = Service("dev", arguments, ingress, directory / "log", environment)
    service.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{ingress}") as connected:
            yield connected
    finally:
        service.stop()


def test_the_services_of_users_are_listed_beside_those_of_the_node(channel: grpc.Channel) -> None:
    assert list(ProtoReflectionDescriptorDatabase(channel).get_services()) == [
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "mail.v1.MailService",
        "perdure.ingress.v1.IngressService",
    ]


def test_a_handler_is_called_with_nothing_but_what_reflection_tells(channel: grpc.Channel) -> None:
    pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName("mail.v1.MailService").methods_by_name["Confirm"]
    request = json_format.Parse('{"customer": "ada", "orderId": "7"}', GetMessageClass(method.input_type)())
    call = channel.unary_unary(
        f"/{method.containing_service.full_name}/{method.name}",
        type(request).SerializeToString,
        GetMessageClass(method.output_type).FromString,
    )
    answer = json_format.MessageToDict(call(request, timeout=30))
    assert set(answer) == {"messageId"}


@pytest.mark.parametrize("symbol", ["perdure.ingress.v1.IngressService", "grpc.health.v1.Health", "mail.v1.Mail"])
def test_every_symbol_that_is_served_is_described(channel: grpc.Channel, symbol: str) -> None:
    file = ProtoReflectionDescriptorDatabase(channel).FindFileContainingSymbol(symbol)
    assert symbol.startswith(file.package)


def test_a_symbol_that_is_not_served_is_said_to_be_unknown(channel: grpc.Channel) -> None:
    with pytest.raises(KeyError):
        ProtoReflectionDescriptorDatabase(channel).FindFileContainingSymbol("mail.v1.Nothing")


def test_health_is_told_of_each_service_that_is_registered(channel: grpc.Channel) -> None:
    request, response = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
    check = channel.unary_unary("/grpc.health.v1.Health/Check", request.SerializeToString, response.FromString)
    assert check(request(service="mail.v1.MailService"), timeout=30).status == response.SERVING
    assert check(request(), timeout=30).status == response.SERVING
    with pytest.raises(grpc.RpcError) as unknown:
        check(request(service="mail.v1.Nobody"), timeout=30)
    assert isinstance(unknown.value, grpc.Call)
    assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
    watch = channel.unary_stream("/grpc.health.v1.Health/Watch", request.SerializeToString, response.FromString)
    watching = watch(request(service="mail.v1.Nobody"), timeout=30)
    assert next(iter(watching)).status == response.SERVICE_UNKNOWN
    watching.cancel()
