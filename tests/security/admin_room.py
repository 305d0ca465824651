"""An admin port with all that stands on it, before a node that only remembers what it was asked."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import grpc.aio
from perdure_runtime.admin.http import JsonApi
from perdure_runtime.admin.rpc import SERVICE, path_of
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.security.guard import Guard
from perdure_runtime.ui.admission import ByGuard
from perdure_runtime.ui.app import ui_routes
from perdure_runtime.ui.asking import InProcess
from perdure_runtime.ui.calling import ThroughIngress
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route, Router

from tests.admin.administration import FakeAdministration
from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations
from tests.security.doors import HOST, PATIENCE_S, Answer, ask, call
from tests.security.matches import paths_of
from tests.security.people import guard
from tests.security.tokens import Provider

REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
RPCS = [method.name for method in SERVICE.methods]


class Room:
    """The port, and the node behind it."""

    def __init__(self, node: FakeAdministration, port: int, channel: grpc.aio.Channel) -> None:
        self.node = node
        self.port = port
        self.channel = channel

    async def ask(self, path: str, headers: dict[str, str], method: str = "GET") -> Answer:
        """By HTTP."""
        return await ask(self.port, method, path, headers)

    async def call(self, rpc: str, headers: dict[str, str]) -> str:
        """An rpc by gRPC."""
        return await call(self.channel, path_of(rpc), headers)

    async def post(self, rpc: str, headers: dict[str, str]) -> Answer:
        """An rpc by JSON."""
        return await self.ask(path_of(rpc), headers, "POST")


def play(
    directory: Path,
    story: Callable[[Room], Awaitable[None]],
    *,
    guarded: bool = True,
    public_metrics: bool = False,
    insecure: bool = False,
    provider: Provider | None = None,
) -> None:
    """Plays a story."""

    async def told() -> None:
        node = FakeAdministration()
        service = AdminService(node)
        known = guard(Provider(directory) if provider is None else provider) if guarded else None
        server = AdminServer(
            service,
            HOST,
            0,
            mounts=mounts(service, known),
            guard=known,
            public_metrics=public_metrics,
            insecure=insecure,
        )
        await server.start()
        try:
            async with asyncio.timeout(3 * PATIENCE_S), grpc.aio.insecure_channel(f"{HOST}:{server.port}") as channel:
                await story(Room(node, server.port, channel))
        finally:
            await server.close(0)

    asyncio.run(told())


def mounts(service: AdminService, known: Guard | None) -> list[BaseRoute]:
    """The web UI and the metrics."""
    desk = Desk(MemoryInvocations(shop.contracts()))
    login = None if known is None else ByGuard(known)
    pages = ui_routes(InProcess(service.rpcs), ThroughIngress(desk), now_ms=lambda: 0, login=login)
    return [*pages, Route("/metrics", _metrics)]


def paths() -> list[str]:
    """Every path of HTTP: of the API, of the pages, and one that there is not."""
    pages = mounts(AdminService(FakeAdministration()), None)
    return [
        *paths_of(JsonApi._answer),
        *map(path_of, RPCS),
        *(re.sub(r"\{[^}]*\}", "x", path) for path in _paths(pages)),
        "/nothing/there",
    ]


def _paths(routes: list[BaseRoute], root: str = "") -> Iterator[str]:
    for route in routes:
        match route:
            case Route():
                yield root + route.path
            case Mount():
                # The pages stand behind what protects them from other sites.
                inside = getattr(route.app, "_app", None)
                known = inside.routes if isinstance(inside, Router) else []
                yield from _paths(known, root + route.path)


async def _metrics(request: Request) -> PlainTextResponse:
    return PlainTextResponse("perdure_up 1")
