"""How commands end: one sentence, an exit code, and never a traceback."""

import os
import signal
import socket
import subprocess
import sys

import pytest
import typer
from perdure_runtime.cli.ending import run

from tests.cli.command import ROOT
from tests.cli.town import perdure

COMMAND = (sys.executable, "-m", "perdure_runtime.cli")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("invocations", "lst"), "No such command 'lst'. Did you mean 'list'?; see perdure invocations --help"),
        (("state", "get", "shop.v1.Orders"), "Missing argument 'KEY'; see perdure state get --help"),
        (("nodes", "--jsn"), "No such option: --jsn"),
        (("invocations", "list", "--older-than", "soon"), "--older-than: 'soon' is no duration; write a duration"),
        (("invocations", "list", "--status", "dead"), "Invalid value"),
        (("nodes", "--admin", "here"), "--admin: 'here' is no address; write host:port"),
        (("nodes", "--api-key", "pk_a_b", "--api-key-file", "key"), "--api-key and --api-key-file: give one of them"),
        (("nodes", "--api-key-file", "no/such/file"), "--api-key-file: no/such/file cannot be read"),
        (("nodes", "--ca", "no/such/file"), "TLS: the files of --ca, --cert and --cert-key cannot be used"),
        (("nodes", "--cert-key", "key.pem"), "--cert-key: this is the key of a certificate; name that with --cert"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_typed_wrong_is_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    ran = perdure(*arguments)

    assert (ran.exit_code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"perdure: {says}")


def test_where_no_node_answers_the_sentence_says_how_to_name_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    ran = perdure("nodes", "--admin", address)

    assert ran.exit_code == 2
    assert ran.err.startswith(f"perdure: no perdure node answers at {address}: ")
    assert "--admin HOST:PORT" in ran.err


def test_the_address_comes_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_ADMIN", "nonsense")

    assert perdure("nodes").err.startswith("perdure: --admin: 'nonsense' is no address")


def test_a_group_without_a_command_prints_its_help() -> None:
    ran = perdure("invocations")

    assert ran.exit_code == 2
    assert ran.err.startswith("Usage: perdure invocations")


def test_a_mistake_of_ours_is_a_sentence_and_not_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = typer.Typer(add_completion=False)

    @broken.command()
    def fail() -> None:
        raise KeyError("what nobody foresaw")

    assert run(broken, []) == 1
    assert capsys.readouterr().err.startswith("perdure: this is a mistake in perdure, please report it: KeyError: ")
    monkeypatch.setenv("PERDURE_TRACEBACK", "1")
    run(broken, [])
    assert "Traceback" in capsys.readouterr().err


def test_nobody_who_reads_any_more_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ran = subprocess.run(
            [*COMMAND, "--help"], stdout=pipe, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False
        )

    assert ran.stderr == b""


def test_an_interrupted_command_ends_with_130_and_no_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        asking = subprocess.Popen([*COMMAND, "nodes", "--admin", address], stderr=subprocess.PIPE, cwd=ROOT)
        connection, _ = mute.accept()
        with connection:
            asking.send_signal(signal.SIGINT)
            _, err = asking.communicate(timeout=60)

    assert (asking.returncode, err) == (130, b"")
