"""Reflection, asked as grpcurl asks: by the client of grpcio-reflection, and question by question in both versions."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

import grpc
import grpc.aio
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from grpc_reflection.v1alpha.reflection_pb2 import ExtensionRequest, ServerReflectionRequest, ServerReflectionResponse
from perdure_runtime.contracts import Contracts

from tests.contracts.compiling import compile_protos, contract
from tests.ingress.grpc.node import RECEIPT, Room, room

NODES_OWN = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    "perdure.ingress.v1.IngressService",
]
SHOP = "shop/v1/shop.proto"
Story = Callable[[Room], Coroutine[None, None, None]]
T = TypeVar("T")


def tell(shop: Contracts, story: Story) -> None:
    """Runs a story with a node."""

    async def run() -> None:
        async with room(shop) as there:
            await story(there)

    asyncio.run(run())


def learn(shop: Contracts, ask: Callable[[grpc.Channel], T]) -> T:
    """What a blocking client learns from a node."""

    async def run() -> T:
        async with room(shop) as there:
            return await asyncio.to_thread(connect, there.ingress.port)

    def connect(port: int) -> T:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            return ask(channel)

    return asyncio.run(run())


async def ask(there: Room, *requests: ServerReflectionRequest, version: str = "v1") -> list[ServerReflectionResponse]:
    """The answers to some questions; the messages of both versions are the same on the wire."""
    path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
    async with there.channel() as channel:
        asking = channel.stream_stream(
            path, ServerReflectionRequest.SerializeToString, ServerReflectionResponse.FromString
        )(iter(requests))
        return [response async for response in asking]


def files(response: ServerReflectionResponse) -> dict[str, FileDescriptorProto]:
    """The files of an answer by name."""
    protos = map(FileDescriptorProto.FromString, response.file_descriptor_response.file_descriptor_proto)
    return {proto.name: proto for proto in protos}


def test_the_services_of_users_are_listed_beside_the_nodes_own_and_private_ones_are_not(shop: Contracts) -> None:
    names = learn(shop, lambda channel: list(ProtoReflectionDescriptorDatabase(channel).get_services()))
    assert names == [*NODES_OWN, "shop.v1.Account", "shop.v1.Orders", "shop.v1.Signup"]


def test_a_handler_is_called_with_nothing_but_what_reflection_tells(shop: Contracts) -> None:
    def call(channel: grpc.Channel) -> str:
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        (method,) = pool.FindServiceByName("shop.v1.Orders").methods
        request, response = GetMessageClass(method.input_type), GetMessageClass(method.output_type)
        invoke = channel.unary_unary("/shop.v1.Orders/Process", request.SerializeToString, response.FromString)
        return str(json_format.MessageToDict(invoke(request(id="o-1"), timeout=10))["id"])

    assert RECEIPT.endswith(learn(shop, call).encode())


@pytest.mark.parametrize("service", NODES_OWN)
def test_the_nodes_own_services_are_described(shop: Contracts, service: str) -> None:
    def describe(channel: grpc.Channel) -> str:
        return DescriptorPool(ProtoReflectionDescriptorDatabase(channel)).FindServiceByName(service).full_name

    assert learn(shop, describe) == service


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_both_versions_answer_each_question_in_turn_with_what_was_asked(shop: Contracts, version: str) -> None:
    questions = [
        ServerReflectionRequest(host="a", list_services=""),
        ServerReflectionRequest(file_by_filename=SHOP),
        ServerReflectionRequest(file_containing_symbol=".shop.v1.Order.items"),
    ]

    async def story(there: Room) -> None:
        answers = await ask(there, *questions, version=version)
        assert [answer.original_request for answer in answers] == questions
        assert answers[0].valid_host == "a"
        assert list(files(answers[1])) == list(files(answers[2]))

    tell(shop, story)


@pytest.mark.parametrize(
    "symbol",
    ["shop.v1.Orders", "shop.v1.Orders.Process", "shop.v1.Keyed", "shop.v1.Keyed.account", "perdure.v1.service"],
)
def test_a_symbol_gives_its_file_with_all_that_it_needs(shop: Contracts, symbol: str) -> None:
    async def story(there: Room) -> None:
        (answer,) = await ask(there, ServerReflectionRequest(file_containing_symbol=symbol))
        given = files(answer)
        first = next(iter(given.values()))
        assert first.package in symbol
        missing = [needed for file in given.values() for needed in file.dependency if needed not in given]
        assert not missing

    tell(shop, story)


def test_files_do_not_tell_of_private_services_and_handlers(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        (answer,) = await ask(there, ServerReflectionRequest(file_by_filename=SHOP))
        services = {service.name: [rpc.name for rpc in service.method] for service in files(answer)[SHOP].service}
        assert services == {"Orders": ["Process"], "Account": ["Update"], "Signup": ["Run"]}

    tell(shop, story)


@pytest.mark.parametrize(
    "question",
    [
        ServerReflectionRequest(file_containing_symbol="shop.v1.Nothing"),
        ServerReflectionRequest(file_containing_symbol="shop.v1.Orders.Cancel"),
        ServerReflectionRequest(file_containing_symbol="shop.v1.Ledger"),
        ServerReflectionRequest(file_containing_symbol="shop.v1.Ledger.Book"),
        ServerReflectionRequest(file_containing_symbol="shop.v1.Orders.Audit"),
        ServerReflectionRequest(file_containing_symbol="perdure.admin.v1.AdminService"),
        ServerReflectionRequest(file_containing_symbol=""),
        ServerReflectionRequest(file_by_filename="shop/v1/nothing.proto"),
        ServerReflectionRequest(file_by_filename="perdure/protocol/v1/session.proto"),
        ServerReflectionRequest(all_extension_numbers_of_type="shop.v1.Nothing"),
        ServerReflectionRequest(
            file_containing_extension=ExtensionRequest(
                containing_type="google.protobuf.ServiceOptions", extension_number=7
            )
        ),
    ],
    ids=str,
)
def test_what_is_not_served_to_callers_is_not_found(shop: Contracts, question: ServerReflectionRequest) -> None:
    async def story(there: Room) -> None:
        answer, after = await ask(there, question, ServerReflectionRequest(list_services=""))
        assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
        assert "list the services to see what is" in answer.error_response.error_message
        assert after.list_services_response.service

    tell(shop, story)


def test_the_extensions_of_a_message_are_told(shop: Contracts) -> None:
    options = "google.protobuf.ServiceOptions"
    declaring = ExtensionRequest(containing_type=options, extension_number=50_551)

    async def story(there: Room) -> None:
        numbers, file = await ask(
            there,
            ServerReflectionRequest(all_extension_numbers_of_type=options),
            ServerReflectionRequest(file_containing_extension=declaring),
        )
        assert numbers.all_extension_numbers_response.base_type_name == options
        assert list(numbers.all_extension_numbers_response.extension_number) == [50_551]
        assert next(iter(files(file))) == "perdure/v1/annotations.proto"

    tell(shop, story)


def test_a_question_without_a_question_is_answered_with_an_error(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        (answer,) = await ask(there, ServerReflectionRequest())
        assert answer.error_response.error_code == grpc.StatusCode.INVALID_ARGUMENT.value[0]

    tell(shop, story)


def test_a_service_that_is_registered_anew_is_described_as_it_is_now(shop: Contracts, tmp_path: Path) -> None:
    newer = "service Orders { rpc Process(Order) returns (Receipt); rpc Cancel(Order) returns (Receipt); }"
    compiled = compile_protos(tmp_path, contract(newer))

    async def rpcs(there: Room) -> Iterable[str]:
        (answer,) = await ask(there, ServerReflectionRequest(file_containing_symbol="shop.v1.Orders"))
        (orders,) = (service for service in files(answer)[SHOP].service if service.name == "Orders")
        return [rpc.name for rpc in orders.method]

    async def story(there: Room) -> None:
        assert await rpcs(there) == ["Process"]
        there.node.register(shop.merged(Contracts.described(compiled, ["shop.v1.Orders"])))
        assert await rpcs(there) == ["Process", "Cancel"]

    tell(shop, story)
