"""Encrypted payloads: nothing in the files of the database, everything in the API."""

import asyncio
import base64
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import perdure
import pytest
from mail.v1 import Confirmation, Invitation, MailServiceClient
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    GetInvocationRequest,
    Invocation,
    ListInvocationsRequest,
    ListInvocationsResponse,
)
from perdure_runtime.admin.asking import Asking

from examples.demo.processes import Service, free_port
from examples.encrypted.aes_gcm import AesGcm, Unreadable, read_keys

APP = "examples.reliable_communication.app:app"
SECRET = "ada.lovelace@example.com"
NEW, OLD = os.urandom(32), os.urandom(32)


def line(name: str, key: bytes) -> str:
    """A line of a file of keys."""
    return f"{name} {base64.b64encode(key).decode()}\n"


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Service]:
    """`perdure dev` with the codec, and its data in ``data``."""
    keys = tmp_path / "payload.keys"
    keys.write_text(line("2026-a", NEW))
    ingress, admin = free_port(), free_port()
    addresses = ["--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"]
    environment = {
        "PAYLOAD_KEYS": str(keys),
        "PERDURE_STORAGE__CODEC": "examples.encrypted.codec:codec",
        "PERDURE_LEDGER": str(tmp_path / "ledger.txt"),
    }
    arguments = ["dev", APP, *addresses, "--data", str(tmp_path / "data")]
    service = Service("the node", arguments, ingress, tmp_path / "node.log", environment)
    with ExitStack() as started:
        started.callback(service.stop)
        service.start()
        yield service


def address_of(node: Service, option: str) -> str:
    """Where the node listens."""
    return node.arguments[node.arguments.index(option) + 1]


def stored(node: Service) -> bytes:
    """All that is in the files of the database: the database itself, and what is written ahead of it."""
    files = [file for file in Path(address_of(node, "--data")).rglob("*") if file.is_file()]
    assert any(file.name.endswith("-wal") for file in files)
    return b"".join(file.read_bytes() for file in files)


async def invocations(node: Service) -> list[Invocation]:
    """All invocations, with their payloads, as the admin API shows them."""
    host, _, port = address_of(node, "--admin").partition(":")
    admin = Asking(host, int(port))
    listed = await admin.ask("ListInvocations", ListInvocationsRequest(), ListInvocationsResponse)
    asked = (
        admin.ask("GetInvocation", GetInvocationRequest(invocation_id=each.id), Invocation)
        for each in listed.invocations
    )
    return [await each for each in asked]


def test_the_database_has_no_payload_and_the_api_has_them_all(node: Service) -> None:
    with perdure.SyncClient(address_of(node, "--ingress"), timeout=timedelta(seconds=30)) as client:
        mail = MailServiceClient(client)
        assert mail.confirm(Confirmation(customer=SECRET, order_id="o-1")).message_id
        mail.invite(Invitation(customer=SECRET, event="soirée", remind_after_ms=3_600_000))
    data = stored(node)
    # What perdure finds its way by is there: it was this database.
    assert b"confirm/o-1" in data
    assert SECRET.encode() not in data
    assert "soirée".encode() not in data
    shown = asyncio.run(invocations(node))
    assert {each.handler for each in shown} == {"Confirm", "Deliver", "Invite"}
    assert all(SECRET in each.input.json for each in shown)


def test_a_node_that_has_lost_the_key_does_not_make_up_payloads() -> None:
    written = AesGcm({"2026-a": OLD}).encode(SECRET.encode())
    with pytest.raises(Unreadable, match="a key that is not here"):
        AesGcm({"2026-b": NEW}).decode(written)
    with pytest.raises(Unreadable, match="was changed"):
        AesGcm({"2026-a": NEW}).decode(written)


def test_the_first_key_writes_and_all_of_them_read(tmp_path: Path) -> None:
    file = tmp_path / "payload.keys"
    file.write_text(line("2026-a", OLD))
    before = AesGcm(read_keys(file)).encode(b"before")
    file.write_text(line("2026-b", NEW) + line("2026-a", OLD))
    both = AesGcm(read_keys(file))
    assert both.decode(before) == b"before"
    assert AesGcm({"2026-b": NEW}).decode(both.encode(b"after")) == b"after"


@pytest.mark.parametrize("place", [0, 1, 9, 21, -1])
def test_a_payload_that_was_changed_is_not_opened(place: int) -> None:
    codec = AesGcm({"2026-a": NEW})
    changed = bytearray(codec.encode(b"100 cents"))
    changed[place] ^= 1
    with pytest.raises(Unreadable):
        codec.decode(bytes(changed))


def test_a_payload_never_looks_the_same() -> None:
    codec = AesGcm({"2026-a": NEW})
    assert codec.encode(b"yes") != codec.encode(b"yes")


@pytest.mark.parametrize("content", ["", "2026-a\n", "2026-a c2hvcnQ=\n", f"much-too-long {'A' * 44}\n", "x ???\n"])
def test_a_file_with_no_good_key_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "payload.keys"
    file.write_text(content)
    with pytest.raises(ValueError, match=r"payload\.keys"):
        read_keys(file)
