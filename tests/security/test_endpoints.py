"""From node to endpoint: TLS, and requests that are signed."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import perdure
import pytest
from perdure import Tls, UsageError, codec
from perdure.serve import EndpointServer
from perdure_runtime.ingress.port import Submission
from perdure_runtime.invoker.remote import Remote, RemoteTransport, discover
from perdure_runtime.invoker.transport import EndpointUnreachable
from perdure_runtime.node.node import Node
from perdure_runtime.security.signing import Signer, new_signing_key
from perdure_runtime.storage.memory import MemoryStorage
from trial.v1 import Text

from tests.admin.town import Trials
from tests.security.authority import Authority

PATIENCE_S = 20.0
Story = Callable[[AsyncExitStack], Awaitable[None]]


def play(story: Story) -> None:
    """Plays a story; what it starts is closed after it."""

    async def told() -> None:
        async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as started:
            await story(started)

    asyncio.run(told())


async def serve(started: AsyncExitStack, endpoint: perdure.Endpoint, tls: Tls | None = None) -> str:
    """Serves an endpoint, and gives its address."""
    server = EndpointServer(endpoint, "127.0.0.1", 0, tls=tls)
    await server.start()
    started.push_async_callback(server.close)
    return f"localhost:{server.port}"


def signer(directory: Path, name: str = "signing") -> Signer:
    """A node with a new key."""
    path = directory / f"{name}.pem"
    path.write_bytes(new_signing_key().private_pem)
    return Signer(path)


def ignore(frames: object) -> None:
    """Nobody listens."""


async def refusal(address: str, remote: Remote) -> str:
    """Why neither of both requests of a node is taken."""
    with pytest.raises(EndpointUnreachable) as discovered:
        await discover(address, remote)
    with pytest.raises(EndpointUnreachable) as opened:
        await RemoteTransport(address, remote).open(ignore)
    assert str(opened.value) in str(discovered.value)
    return str(opened.value)


async def reach(address: str, remote: Remote) -> None:
    """Both requests of a node are taken."""
    assert list((await discover(address, remote)).services) == ["trial.v1.Trial"]
    link = await RemoteTransport(address, remote).open(ignore)
    await link.close()


def test_an_endpoint_takes_what_its_nodes_have_signed(tmp_path: Path) -> None:
    node, other = signer(tmp_path), signer(tmp_path, "other")

    async def story(started: AsyncExitStack) -> None:
        address = await serve(started, perdure.Endpoint(Trials(), accept_from=[other.public, node.public]))
        await reach(address, Remote(signer=node))
        await reach(address, Remote(signer=other))

    play(story)


def test_an_endpoint_refuses_what_nobody_or_somebody_else_has_signed(tmp_path: Path) -> None:
    async def story(started: AsyncExitStack) -> None:
        address = await serve(started, perdure.Endpoint(Trials(), accept_from=[signer(tmp_path).public]))
        said = await refusal(address, Remote())
        assert said.startswith("UNAUTHENTICATED: this endpoint takes requests of nodes whose signing key it knows")
        said = await refusal(address, Remote(signer=signer(tmp_path, "stranger")))
        assert "give its public key to accept_from" in said

    play(story)


def test_an_endpoint_that_is_known_by_another_name_refuses(tmp_path: Path) -> None:
    node = signer(tmp_path)

    async def story(started: AsyncExitStack) -> None:
        endpoint = perdure.Endpoint(Trials(), accept_from=[node.public], known_as=["orders:9080"])
        assert "this endpoint is known as orders:9080" in await refusal(
            await serve(started, endpoint), Remote(signer=node)
        )

    play(story)


def test_a_request_that_was_overheard_is_not_taken_again(tmp_path: Path) -> None:
    node = signer(tmp_path)

    class Recorded(Signer):
        """Says the same again and again."""

        def metadata(self, address: str, path: str) -> dict[str, str]:
            return heard.setdefault(path, node.metadata(address, path))

    heard: dict[str, dict[str, str]] = {}

    async def story(started: AsyncExitStack) -> None:
        address = await serve(started, perdure.Endpoint(Trials(), accept_from=[node.public]))
        remote = Remote(signer=Recorded(tmp_path / "signing.pem"))
        await reach(address, remote)
        assert "was made before" in await refusal(address, remote)

    play(story)


def test_node_and_endpoint_speak_tls_with_certificates_of_both(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def story(started: AsyncExitStack) -> None:
        address = await serve(started, perdure.Endpoint(Trials()), authority.tls("endpoint"))
        await reach(address, Remote(tls=authority.tls("node").client_context()))
        with pytest.raises(EndpointUnreachable):
            await discover(address, Remote(tls=Tls(ca=authority.ca).client_context()))
        with pytest.raises(EndpointUnreachable):
            await discover(address, Remote())

    play(story)


def test_an_endpoint_without_the_file_of_its_certificate_does_not_start(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(UsageError, match=r"cannot read .*absent\.pem"):
        EndpointServer(perdure.Endpoint(Trials()), "127.0.0.1", 0, tls=Tls(absent, absent))


def test_a_node_runs_handlers_over_tls_with_signed_requests(tmp_path: Path) -> None:
    authority, key = Authority(tmp_path), signer(tmp_path)

    async def story(started: AsyncExitStack) -> None:
        endpoint = perdure.Endpoint(Trials(), accept_from=[key.public])
        address = await serve(started, endpoint, authority.tls("endpoint"))
        node = Node(MemoryStorage(), remote=Remote(authority.tls("node").client_context(), key))
        await node.start()
        started.push_async_callback(node.close)
        await node.administration.register([address], force=False, verify=True)
        _, outcome = await node.router.call(Submission("trial.v1.Trial", "First", "", codec.encode(Text(text="it"))))
        assert codec.decode(Text, outcome.value).text == "did it"

    play(story)
