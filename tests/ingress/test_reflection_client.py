"""Reflection with the client of grpcio, which is how tools learn a contract."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from tests.ingress.desk_room import BALANCE, Room, meet

T = TypeVar("T")


async def learn(room: Room, look: Callable[[ProtoReflectionDescriptorDatabase, grpc.Channel], T]) -> T:
    """What a tool, which blocks, finds."""

    def run() -> T:
        with grpc.insecure_channel(room.address) as channel:
            return look(ProtoReflectionDescriptorDatabase(channel), channel)

    return await asyncio.to_thread(run)


def test_a_tool_lists_what_is_public() -> None:
    async def story(room: Room) -> None:
        services = await learn(room, lambda database, channel: list(database.get_services()))
        assert "shop.v1.Orders" in services
        assert "shop.v1.Books" not in services

    meet(story)


def test_a_tool_calls_a_handler_with_nothing_but_what_it_learns() -> None:
    def call(database: ProtoReflectionDescriptorDatabase, channel: grpc.Channel) -> str:
        service = DescriptorPool(database).FindServiceByName("shop.v1.Account")
        request = GetMessageClass(service.methods_by_name["Balance"].input_type)(account="ada")
        answer = channel.unary_unary(BALANCE, bytes, bytes)(request.SerializeToString(), timeout=10)
        learnt = GetMessageClass(service.methods_by_name["Balance"].output_type).FromString(answer)
        return json_format.MessageToJson(learnt, indent=None)

    async def story(room: Room) -> None:
        assert await learn(room, call) == '{"id": "ada"}'

    meet(story)


@pytest.mark.parametrize("symbol", ["shop.v1.Books", "shop.v1.Orders.Recount", "shop.v1.Nothing"])
def test_a_tool_does_not_find_what_is_private(symbol: str) -> None:
    async def story(room: Room) -> None:
        with pytest.raises(KeyError):
            await learn(room, lambda database, channel: database.FindFileContainingSymbol(symbol))

    meet(story)


def test_a_tool_sees_public_handlers_alone() -> None:
    async def story(room: Room) -> None:
        methods = await learn(
            room,
            lambda database, channel: list(
                DescriptorPool(database).FindServiceByName("shop.v1.Orders").methods_by_name
            ),
        )
        assert methods == ["Process"]

    meet(story)
