"""`perdure backup` and `perdure restore`: of a node that runs, and into one that starts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from examples.demo.processes import Service, free_port
from tests.cli.covering import covers
from tests.cli.terminal import in_terminal
from tests.cli.town import Town, perdure


@contextmanager
def started(data: Path, log: Path) -> Iterator[str]:
    """A node on a data directory; where operators ask it."""
    admin, ingress = f"127.0.0.1:{free_port()}", free_port()
    arguments = ["up", "--data", str(data), "--ingress", f"127.0.0.1:{ingress}", "--admin", admin]
    node = Service("restored", arguments, ingress, log)
    node.start()
    try:
        yield admin
    finally:
        node.stop()


@covers("backup", "restore")
def test_a_node_that_runs_is_backed_up_and_restored(there: Town, tmp_path: Path) -> None:
    kept = there.mail("kept", "ended")
    saved, restored = tmp_path / "saved", tmp_path / "restored"

    ran = perdure("backup", str(there.data), str(saved))
    assert (ran.exit_code, ran.out) == (0, f"1 file of {there.data} is in {saved}\n"), ran.err
    ran = perdure("restore", str(saved), str(restored))
    assert ran.exit_code == 0, ran.err
    assert ran.out.endswith(f"start a node on it with: perdure up --data {restored}\n")
    with started(restored, tmp_path / "log") as admin:
        assert perdure("invocations", "show", kept, "--admin", admin).out.startswith(kept)


def test_a_backup_shows_a_bar_on_a_terminal(there: Town, tmp_path: Path) -> None:
    assert "━" in in_terminal(100, "backup", str(there.data), str(tmp_path / "saved"))


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_what_is_not_there_is_one_sentence(command: str, tmp_path: Path) -> None:
    ran = perdure(command, str(tmp_path / "none"), str(tmp_path / "to"))

    assert (ran.exit_code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert "none" in line


def test_a_directory_that_has_data_is_not_written_over(there: Town, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    perdure("backup", str(there.data), str(saved))
    ran = perdure("restore", str(saved), str(there.data))

    assert ran.exit_code == 2
    assert str(there.data) in ran.err
