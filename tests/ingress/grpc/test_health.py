"""Health, asked by the client that people have."""

import asyncio
from collections.abc import Callable, Coroutine

import grpc
import grpc.aio
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2 import HealthCheckResponse
from perdure_runtime.contracts import Contracts

from tests.ingress.grpc.node import Room, room

SERVING, UNKNOWN = HealthCheckResponse.SERVING, HealthCheckResponse.SERVICE_UNKNOWN
Story = Callable[[Room], Coroutine[None, None, None]]
Watching = grpc.aio.UnaryStreamCall[Message, HealthCheckResponse]


def tell(shop: Contracts, story: Story) -> None:
    """Runs a story with a node."""

    async def run() -> None:
        async with room(shop) as there:
            await story(there)

    asyncio.run(run())


async def check(channel: grpc.aio.Channel, service: str) -> HealthCheckResponse:
    """Asks once."""
    request = health_pb2.HealthCheckRequest
    ask = channel.unary_unary("/grpc.health.v1.Health/Check", request.SerializeToString, HealthCheckResponse.FromString)
    return await ask(request(service=service))


def watch(channel: grpc.aio.Channel, service: str) -> Watching:
    """Asks to be told."""
    request = health_pb2.HealthCheckRequest
    ask = channel.unary_stream(
        "/grpc.health.v1.Health/Watch", request.SerializeToString, HealthCheckResponse.FromString
    )
    return ask(request(service=service))


async def told(watching: Watching) -> int:
    """What is said next."""
    response = await watching.read()
    assert isinstance(response, HealthCheckResponse)
    return response.status


@pytest.mark.parametrize(
    "service", ["", "shop.v1.Orders", "perdure.ingress.v1.IngressService", "grpc.health.v1.Health"]
)
def test_the_node_and_all_that_it_serves_are_serving(shop: Contracts, service: str) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            assert (await check(channel, service)).status == SERVING

    tell(shop, story)


@pytest.mark.parametrize("service", ["shop.v1.Nobody", "shop.v1.Ledger", "shop.v1.Order"])
def test_what_is_not_served_to_callers_is_not_found(shop: Contracts, service: str) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            with pytest.raises(grpc.aio.AioRpcError, match=service) as error:
                await check(channel, service)
            assert error.value.code() is grpc.StatusCode.NOT_FOUND

    tell(shop, story)


def test_who_watches_is_told_when_a_service_is_registered(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        there.node.register(Contracts())
        async with there.channel() as channel:
            watching = watch(channel, "shop.v1.Orders")
            assert await told(watching) == UNKNOWN
            there.node.register(shop)
            assert await told(watching) == SERVING
            assert (await check(channel, "shop.v1.Orders")).status == SERVING

    tell(shop, story)


@pytest.mark.parametrize("service", ["", "shop.v1.Orders"])
def test_who_watches_a_node_that_drains_is_told_before_the_call_ends(shop: Contracts, service: str) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            watching = watch(channel, service)
            assert await told(watching) == SERVING
            closing = asyncio.ensure_future(there.ingress.close(3_600))
            assert await told(watching) == HealthCheckResponse.NOT_SERVING
            assert await watching.code() is grpc.StatusCode.UNAVAILABLE
            await closing

    tell(shop, story)


def test_a_request_that_is_none_is_refused(shop: Contracts) -> None:
    async def story(there: Room) -> None:
        async with there.channel() as channel:
            call = channel.unary_unary("/grpc.health.v1.Health/Check", bytes, bytes)(b"\xff")
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
            assert "no grpc.health.v1.HealthCheckRequest" in str(await call.details())

    tell(shop, story)
