"""TLS among nodes: certificates on both sides."""

import asyncio
from pathlib import Path

import pytest
from perdure import Tls
from perdure_runtime.peer.port import PeerUnreachable
from perdure_runtime.peer.tcp import Tcp
from perdure_runtime.security.problem import SecurityProblem
from perdure_runtime.security.settings import PeerTls
from perdure_runtime.security.tls import PeerContexts, peer_contexts

from tests.peer.residents import FakePost, FakeResidents
from tests.peer.room import STORY_S
from tests.security.authority import Authority, Files


def contexts(files: Files, ca: Path) -> PeerContexts:
    """What a node with these files has."""
    made = peer_contexts(PeerTls(certificate=files.certificate, key=files.key, ca=ca))
    assert made is not None
    return made


async def asked(server: PeerContexts, client: PeerContexts | None) -> bool:
    """Whether one node is answered by another."""
    residents = FakeResidents()
    listening = Tcp(server).server(residents, FakePost(), "127.0.0.1", 0)
    await listening.start()
    peers = Tcp(client).peers()
    try:
        async with asyncio.timeout(STORY_S):
            await peers.link(f"localhost:{listening.port}").pause("inv_1")
    except PeerUnreachable:
        return False
    finally:
        await peers.close()
        await listening.close(0)
    return True


def test_nodes_of_one_authority_ask_each_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    one, other = (contexts(authority.give(name), authority.ca) for name in ("one", "other"))
    assert asyncio.run(asked(one, other))


def test_a_node_without_tls_is_not_let_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    assert not asyncio.run(asked(contexts(authority.give("one"), authority.ca), None))


def test_a_node_of_another_authority_is_not_let_in(tmp_path: Path) -> None:
    authority, foreign = Authority(tmp_path), Authority(tmp_path, "foreign")
    intruder = contexts(foreign.give("intruder"), authority.ca)
    assert not asyncio.run(asked(contexts(authority.give("one"), authority.ca), intruder))


def test_a_node_without_a_certificate_is_not_let_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    node = contexts(authority.give("one"), authority.ca)
    assert not asyncio.run(asked(node, PeerContexts(node.server, Tls(ca=authority.ca).client_context())))


def test_a_node_asks_none_of_another_authority(tmp_path: Path) -> None:
    authority, foreign = Authority(tmp_path), Authority(tmp_path, "foreign")
    impostor = contexts(foreign.give("impostor"), authority.ca)
    assert not asyncio.run(asked(impostor, contexts(authority.give("one"), authority.ca)))


def test_without_settings_nodes_speak_in_the_clear() -> None:
    assert peer_contexts(PeerTls()) is None


def test_what_is_wrong_with_a_file_is_said_before_anything_listens(tmp_path: Path) -> None:
    absent = tmp_path / "absent.pem"
    with pytest.raises(SecurityProblem, match=r"cannot read .*absent\.pem"):
        peer_contexts(PeerTls(certificate=absent, key=absent, ca=absent))
