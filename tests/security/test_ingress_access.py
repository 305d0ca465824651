"""The ingress with a guard: who is not known gets nowhere, whichever path and protocol they try."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import grpc.aio
import pytest
from google.protobuf.message import Message
from perdure_protos.perdure.ingress.v1.ingress_pb2 import InvocationRequest, SignalRequest
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.grpc.router import UserServices
from perdure_runtime.ingress.grpc.standard import ServerReflectionRequest, ServerReflectionResponse
from perdure_runtime.ingress.http.routes import Routes
from perdure_runtime.ingress.port import AwakeableFacts, HandlerName
from perdure_runtime.ingress.server import Ingress

from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations, value
from tests.security.doors import HOST, PATIENCE_S, Answer, ask, call
from tests.security.matches import paths_of
from tests.security.people import ADMIN, CALLER, VIEWER, bearer, guard, refused
from tests.security.tokens import Provider

OPEN_METHODS = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"}
OPEN_PATHS = {"/health"}
OF_AN_INVOCATION = ("attach", "output", "cancel", "signals/paid")
INGRESS = "/perdure.ingress.v1.IngressService"


class Room:
    """An ingress with a guard, before a node in memory."""

    def __init__(self, node: MemoryInvocations, port: int, channel: grpc.aio.Channel) -> None:
        self.node = node
        self.port = port
        self.channel = channel

    async def ask(self, path: str, headers: dict[str, str], method: str = "POST", body: bytes = b"{}") -> Answer:
        """By HTTP."""
        return await ask(self.port, method, path, headers, body)

    async def call(self, path: str, headers: dict[str, str], message: bytes = b"") -> str:
        """By gRPC."""
        return await call(self.channel, path, headers, message)


def play(
    directory: Path,
    story: Callable[[Room], Awaitable[None]],
    *,
    public_awakeables: bool = False,
    provider: Provider | None = None,
) -> None:
    """Plays a story. Invocations end at once with a receipt."""

    async def told() -> None:
        node = MemoryInvocations(shop.contracts())
        node.rule = lambda submission: value(shop.receipt("o-1"))
        known = guard(Provider(directory) if provider is None else provider)
        ingress = Ingress(node, HOST, 0, guard=known, public_awakeables=public_awakeables)
        await ingress.start()
        try:
            async with asyncio.timeout(2 * PATIENCE_S), grpc.aio.insecure_channel(f"{HOST}:{ingress.port}") as channel:
                await story(Room(node, ingress.port, channel))
        finally:
            await ingress.close(0)

    asyncio.run(told())


def methods() -> list[str]:
    """Every method of gRPC: those that come with the node, and the handlers."""
    desk = Desk(MemoryInvocations(shop.contracts()))
    return sorted({*UserServices(desk)._own, *shop.contracts().handlers, "/shop.v1.Nothing/There"})


def test_every_method_of_grpc_refuses_who_is_not_known(tmp_path: Path) -> None:
    _, strangers = refused(tmp_path)

    async def story(room: Room) -> None:
        for path in methods():
            for shown in strangers:
                code = await room.call(path, shown.headers)
                expected = "OK" if path in OPEN_METHODS else "UNAUTHENTICATED"
                assert code == expected, f"{path} with {shown.name}"
        assert room.node.submitted == []

    play(tmp_path, story)


def test_every_path_of_http_refuses_who_is_not_known(tmp_path: Path) -> None:
    _, strangers = refused(tmp_path)

    async def story(room: Room) -> None:
        for path in [*paths_of(Routes.answer), *shop.contracts().handlers, "/nothing/there", "/%68ealth", "//health"]:
            for shown in strangers:
                for method in ("GET", "POST"):
                    if path in OPEN_PATHS:
                        continue
                    answer = await room.ask(path, shown.headers, method)
                    assert answer.status == 401, f"{method} {path} with {shown.name}"
                    assert answer.json["code"] == "unauthenticated"
                    assert answer.headers["www-authenticate"] == "Bearer"
        assert room.node.submitted == []

    play(tmp_path, story)


def test_health_says_that_the_node_serves_and_nothing_more(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("/health", {}, "GET")
        assert (answer.status, answer.json) == (200, {"status": "SERVING"})
        of_a_service = b"\x0a\x0eshop.v1.Orders"
        assert await room.call("/grpc.health.v1.Health/Check", {}, of_a_service) == "PERMISSION_DENIED"
        assert await room.call("/grpc.health.v1.Health/Check", bearer(CALLER), of_a_service) == "OK"

    play(tmp_path, story)


@pytest.mark.parametrize("how", ["bearer", "x-api-key", "token"])
def test_who_is_known_calls(tmp_path: Path, how: str) -> None:
    provider = Provider(tmp_path)
    shown = {
        "bearer": bearer(ADMIN),
        "x-api-key": {"x-api-key": ADMIN.text},
        "token": bearer(provider.token()),
    }

    async def story(room: Room) -> None:
        assert (await room.ask(shop.PROCESS, shown[how])).status == 200
        assert await room.call(shop.PROCESS, shown[how]) == "OK"

    play(tmp_path, story, provider=provider)


def test_the_session_of_the_web_ui_is_worth_nothing_here(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        session = {"cookie": f"perdure_session={ADMIN.text}"}
        assert (await room.ask(shop.PROCESS, session)).status == 401
        assert await room.call(shop.PROCESS, session) == "UNAUTHENTICATED"

    play(tmp_path, story)


def test_credentials_go_no_further_than_the_gate(tmp_path: Path) -> None:
    shown = {
        **bearer(ADMIN),
        "x-api-key": ADMIN.text,
        "cookie": f"perdure_session={ADMIN.text}",
        "proxy-authorization": f"Basic {ADMIN.text}",
        "x-trace": "kept",
    }

    async def story(room: Room) -> None:
        assert (await room.ask(shop.PROCESS, shown)).status == 200
        assert await room.call(shop.PROCESS, shown) == "OK"
        assert [submission.headers for submission in room.node.submitted] == [{"x-trace": "kept"}, {"x-trace": "kept"}]

    play(tmp_path, story)


def test_somebody_calls_the_services_that_their_patterns_name(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        assert (await room.ask(shop.PROCESS, bearer(CALLER))).status == 200
        for path in (shop.ADD, shop.RUN):
            answer = await room.ask(path, bearer(CALLER), body=b'{"customer": "ada"}')
            assert (answer.status, answer.json["code"]) == (403, "permission_denied")
            assert "carl may not call" in answer.json["message"]
            assert await room.call(path, bearer(CALLER)) == "PERMISSION_DENIED"
        assert [submission.service for submission in room.node.submitted] == ["shop.v1.Orders"]
        listed = (await room.ask("/", bearer(CALLER), "GET")).json
        assert listed == {"handlers": [shop.PROCESS]}

    play(tmp_path, story)


async def statuses(room: Room, headers: dict[str, str], *places: str) -> set[int]:
    """How questions about an invocation are answered by HTTP."""
    return {
        (await room.ask(f"{place}/{asked}?type=shop.v1.Line", headers, "GET" if asked == "output" else "POST")).status
        for place in places
        for asked in OF_AN_INVOCATION
    }


async def codes(room: Room, headers: dict[str, str], request: InvocationRequest) -> set[str]:
    """How they are answered by gRPC."""
    signal = SignalRequest(invocation=request, name="paid").SerializeToString()
    asked = {**dict.fromkeys(("Attach", "Output", "Cancel"), request.SerializeToString()), "Signal": signal}
    return {await room.call(f"{INGRESS}/{method}", headers, message) for method, message in asked.items()}


def test_they_ask_about_no_invocation_of_another_service(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        await room.ask(shop.RUN, bearer(ADMIN), body=b'{"customer": "ada"}')
        room.node.known, room.node.owner = {"inv_9"}, HandlerName("shop.v1.Accounts", "Add")
        for invocation in ("inv_1", "inv_9"):
            assert await statuses(room, bearer(CALLER), f"/invocations/{invocation}") == {403}
            named = InvocationRequest(invocation_id=invocation)
            assert await codes(room, bearer(CALLER), named) == {"PERMISSION_DENIED"}
        run = InvocationRequest()
        run.workflow.service, run.workflow.id = "shop.v1.Signups", "ada"
        assert await codes(room, bearer(CALLER), run) == {"PERMISSION_DENIED"}
        for asked in ("attach", "output", "cancel"):
            path = f"/workflows/shop.v1.Signups/ada/{asked}"
            assert (await room.ask(path, bearer(CALLER), "GET" if asked == "output" else "POST")).status == 403
        assert (room.node.cancelled, room.node.signals) == ([], [])

    play(tmp_path, story)


@pytest.mark.parametrize("owner", [HandlerName("shop.v1.Backstage", "Sweep"), HandlerName("shop.v1.Orders", "Audit")])
def test_what_is_private_is_not_there_for_anybody(tmp_path: Path, owner: HandlerName) -> None:
    async def story(room: Room) -> None:
        room.node.known, room.node.owner = {"inv_9"}, owner
        assert await statuses(room, bearer(ADMIN), "/invocations/inv_9", "/invocations/inv_0") == {404}
        for invocation in ("inv_9", "inv_0"):
            assert await codes(room, bearer(ADMIN), InvocationRequest(invocation_id=invocation)) == {"NOT_FOUND"}
        path = f"/{owner.service}/{owner.handler}"
        assert (await room.ask(path, bearer(ADMIN))).status == 404
        assert await room.call(path, bearer(ADMIN)) == "UNIMPLEMENTED"
        assert (room.node.cancelled, room.node.signals, room.node.submitted) == ([], [], [])
        for listing in ("/", "/openapi.json"):
            assert owner.handler not in (await room.ask(listing, bearer(ADMIN), "GET")).body.decode()
        assert (await reflected(room, path[1:].replace("/", "."))).HasField("error_response")
        shown = await reflected(room, "shop.v1.Orders")
        assert shown.HasField("file_descriptor_response")
        assert owner.handler.encode() not in shown.SerializeToString()

    play(tmp_path, story)


async def reflected(room: Room, symbol: str) -> Message:
    """What reflection shows for a symbol."""
    path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    request = ServerReflectionRequest(file_containing_symbol=symbol).SerializeToString()
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = room.channel.unary_unary(path)
    return ServerReflectionResponse.FromString(await method(request, metadata=tuple(bearer(ADMIN).items())))


async def completed(room: Room, headers: dict[str, str]) -> tuple[int, str]:
    """How the completion of an awakeable is answered, by HTTP and by gRPC."""
    room.node.awakeables = {"awk_1": AwakeableFacts("shop.v1.Backstage", "shop.v1.Line")}
    answer = await room.ask("/awakeables/awk_1/resolve", headers)
    return answer.status, await room.call(f"{INGRESS}/ResolveAwakeable", headers, b"\x0a\x05awk_1")


def test_an_awakeable_is_completed_by_whoever_is_known_and_knows_its_id(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        assert await completed(room, {}) == (401, "UNAUTHENTICATED")
        assert await completed(room, bearer(VIEWER)) == (403, "PERMISSION_DENIED")
        assert await completed(room, bearer(CALLER)) == (200, "OK")

    play(tmp_path, story)


def test_awakeables_can_be_opened_to_the_public_and_nothing_else_is(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        assert await completed(room, {}) == (200, "OK")
        assert (await room.ask("/invocations/inv_1/attach", {})).status == 401
        assert await room.call(shop.PROCESS, {}) == "UNAUTHENTICATED"

    play(tmp_path, story, public_awakeables=True)
