"""TLS of the ingress and the admin API, with the clients that people have."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import grpc.aio
import pytest
from perdure import CallError, Client, SyncClient, TerminalError, Tls
from perdure.generic import GenericClient
from perdure_protos.perdure.admin.v1.deployments_pb2 import ListDeploymentsRequest, ListDeploymentsResponse
from perdure_runtime.admin.asking import AdminRefused, Asking
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.limits import Limits
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.security.guard import Guard
from perdure_runtime.security.principal import Role
from perdure_runtime.security.settings import AuthSettings, CertificateName, ListenerTls
from perdure_runtime.security.tls import listener_context

from tests.admin.administration import FakeAdministration
from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations, value
from tests.security.authority import Authority
from tests.security.doors import HOST, PATIENCE_S, ask, call
from tests.security.people import ADMIN, VIEWER, bearer

BILLING = CertificateName(name="billing", role=Role.VIEWER, services=("shop.v1.Orders",))


class Room:
    """An ingress and an admin API that speak TLS, and the authority of their certificates."""

    def __init__(self, authority: Authority, ingress: Ingress, admin: AdminServer) -> None:
        self.authority = authority
        self.ingress = ingress
        self.admin = admin

    @property
    def address(self) -> str:
        """Where callers call."""
        return f"https://localhost:{self.ingress.port}"

    @property
    def trusting(self) -> Tls:
        """TLS of a client without a certificate."""
        return Tls(ca=self.authority.ca)


def play(directory: Path, story: Callable[[Room], Awaitable[None]], *, mutual: bool = False) -> None:
    """Plays a story; ``mutual`` listeners ask for certificates."""

    async def told() -> None:
        authority = Authority(directory)
        files = authority.give("node")
        settings = ListenerTls(certificate=files.certificate, key=files.key, client_ca=authority.ca if mutual else None)
        auth = AuthSettings(api_keys=(ADMIN.settings, VIEWER.settings), certificates=(BILLING,) if mutual else ())
        tls, guard = listener_context(settings), Guard.of(auth)
        node = MemoryInvocations(shop.contracts())
        node.rule = lambda submission: value(shop.receipt("o-1"))
        ingress = Ingress(node, HOST, 0, Limits(greeting_s=0.3), tls=tls, guard=guard)
        admin = AdminServer(AdminService(FakeAdministration()), HOST, 0, tls=tls, guard=guard)
        await ingress.start()
        await admin.start()
        try:
            async with asyncio.timeout(2 * PATIENCE_S):
                await story(Room(authority, ingress, admin))
        finally:
            await asyncio.gather(ingress.close(0), admin.close(0))

    asyncio.run(told())


def context(tls: Tls, *protocols: str) -> ssl.SSLContext:
    """A context for clients that ask for their protocol by themselves."""
    made = ssl.create_default_context(cafile=tls.ca)
    if tls.certificate is not None:
        made.load_cert_chain(tls.certificate, tls.key)
    made.set_alpn_protocols(protocols)
    return made


async def call_order(client: Client) -> bytes:
    """Calls a handler."""
    return await GenericClient(client).call("shop.v1.Orders", "Process", b"")


def test_perdures_client_calls_with_tls_and_a_key(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        async with Client(room.address, tls=room.trusting, token=ADMIN.text) as client:
            assert await call_order(client) == shop.receipt("o-1").SerializeToString()

    play(tmp_path, story)


def test_the_token_of_the_moment_is_asked_for_with_each_call(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        tokens = iter([ADMIN.text, f"{ADMIN.text}\n", "expired"])
        async with Client(room.address, tls=room.trusting, token=lambda: next(tokens)) as client:
            await call_order(client)
            await call_order(client)
            with pytest.raises(TerminalError, match="UNAUTHENTICATED"):
                await call_order(client)

    play(tmp_path, story)


def test_the_blocking_client_does_too(tmp_path: Path) -> None:
    def ask_blocking(room: Room) -> None:
        client = SyncClient(room.address, tls=room.trusting, token=ADMIN.text)
        with client, pytest.raises(TerminalError, match="NOT_FOUND"):
            client.reject_awakeable("awk_1", "late")

    async def story(room: Room) -> None:
        await asyncio.to_thread(ask_blocking, room)

    play(tmp_path, story)


def test_a_client_that_does_not_trust_the_authority_says_what_to_do(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        async with Client(room.address, token=ADMIN.text) as client:
            with pytest.raises(CallError, match=r"certificate does not hold: .*; trust its authority"):
                await call_order(client)

    play(tmp_path, story)


def test_a_client_in_the_clear_gets_no_answer(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        async with Client(f"localhost:{room.ingress.port}", token=ADMIN.text) as client:
            with pytest.raises(CallError):
                await call_order(client)

    play(tmp_path, story)


def test_one_port_speaks_json_and_grpc_behind_tls(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        # Browsers and curl offer both.
        tls = context(room.trusting, "h2", "http/1.1")
        answer = await ask(room.ingress.port, "POST", shop.PROCESS, bearer(ADMIN), tls=tls)
        assert (answer.status, answer.json) == (200, {"orderId": "o-1"})
        assert (await ask(room.ingress.port, "POST", shop.PROCESS, {}, tls=tls)).status == 401
        credentials = grpc.ssl_channel_credentials(room.authority.ca.read_bytes())
        async with grpc.aio.secure_channel(f"localhost:{room.ingress.port}", credentials) as channel:
            assert await call(channel, shop.PROCESS, bearer(ADMIN)) == "OK"
            assert await call(channel, shop.PROCESS, {}) == "UNAUTHENTICATED"

    play(tmp_path, story)


def test_operators_ask_with_tls_and_a_key(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        tls = room.trusting.client_context()
        asking = Asking("localhost", room.admin.port, headers=bearer(VIEWER), tls=tls)
        assert await asking.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
        stranger = Asking("localhost", room.admin.port, tls=tls)
        with pytest.raises(AdminRefused, match="wants to know who asks"):
            await stranger.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
        answer = await ask(room.admin.port, "GET", "/openapi.json", bearer(VIEWER), tls=context(room.trusting))
        assert answer.status == 200

    play(tmp_path, story)


def test_a_client_certificate_says_who_asks(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        tls = room.authority.tls("billing")
        async with Client(room.address, tls=tls) as client:
            await call_order(client)
            with pytest.raises(TerminalError, match="billing may not call"):
                await GenericClient(client).call("shop.v1.Accounts", "Add", b"\x0a\x03ada")
        asking = Asking("localhost", room.admin.port, tls=tls.client_context())
        assert await asking.ask("ListDeployments", ListDeploymentsRequest(), ListDeploymentsResponse)
        answer = await ask(room.ingress.port, "POST", shop.PROCESS, {}, tls=context(tls, "http/1.1"))
        assert answer.status == 200

    play(tmp_path, story, mutual=True)


def test_a_certificate_of_nobody_is_not_enough(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        tls = room.authority.tls("unknown")
        async with Client(room.address, tls=tls) as client:
            with pytest.raises(TerminalError, match="nobody is known by a certificate for 'unknown'"):
                await call_order(client)
        async with Client(room.address, tls=tls, token=ADMIN.text) as client:
            await call_order(client)

    play(tmp_path, story, mutual=True)


def test_a_listener_that_asks_for_certificates_takes_nobody_without_one(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        async with Client(room.address, tls=room.trusting, token=ADMIN.text) as client:
            with pytest.raises(CallError):
                await call_order(client)

    play(tmp_path, story, mutual=True)


def test_who_connects_and_says_nothing_is_let_go(tmp_path: Path) -> None:
    def until_closed(port: int) -> bytes:
        with socket.create_connection((HOST, port), timeout=PATIENCE_S) as silent:
            with suppress(ConnectionResetError):
                return silent.recv(1)
            return b""

    async def story(room: Room) -> None:
        assert await asyncio.to_thread(until_closed, room.ingress.port) == b""

    play(tmp_path, story)
