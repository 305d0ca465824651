"""`perdure doctor`: what it finds, and what it says to do."""

import json
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from perdure_runtime.cli.examining import data, here
from perdure_runtime.cli.examining.finding import Grade
from perdure_runtime.storage.sqlite.schema import MIGRATIONS

from tests.cli.covering import covers
from tests.cli.town import Town, perdure


@covers("doctor")
def test_a_sound_node_has_no_failure(there: Town) -> None:
    where = ("--ingress", there.ingress, "--data", str(there.data))
    lines = there.says("doctor", *where).splitlines()

    assert not [line for line in lines if line.startswith("fail")]
    subjects = {finding["subject"] for finding in there.json("doctor", *where)}
    endpoint = f"endpoint {there.endpoint}"
    assert {"Python", "perdure", "contracts", "ingress", "clock", "admin", endpoint, "disk"} <= subjects
    assert "storage perdure.db" in subjects


def test_what_fails_is_told_with_what_to_do_and_exit_code_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    ran = perdure("doctor", "--admin", address, "--ingress", address, "--json")

    assert ran.exit_code == 1
    assert ran.err == "perdure: 2 examinations failed\n"
    failed = [finding for finding in json.loads(ran.out) if finding["grade"] == "fail"]
    assert [finding["subject"] for finding in failed] == ["ingress", "admin"]
    assert all(finding["advice"] for finding in failed)


def test_a_package_of_another_version_than_the_pin_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(here, "requires", lambda _: ["typer==0.1", "nothing-like-this==1", "grpclib>=0.1"])
    findings = {finding.subject: finding for finding in here.examine()}

    assert findings["typer"].grade is Grade.FAIL
    assert findings["typer"].advice == "pip install 'typer==0.1'"
    assert findings["nothing-like-this"].fact == "is not installed"
    assert "grpclib" not in findings


@pytest.mark.parametrize(
    ("version", "grade"), [(1, Grade.WARN), (len(MIGRATIONS), Grade.OK), (len(MIGRATIONS) + 1, Grade.FAIL)]
)
def test_the_version_of_a_file_is_compared_with_that_of_the_code(version: int, grade: Grade, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "perdure.db")) as connection:
        connection.execute("CREATE TABLE perdure_schema (version INTEGER NOT NULL)")
        connection.execute("INSERT INTO perdure_schema VALUES (?)", (version,))
        connection.commit()
    *_, finding = data.examine(tmp_path)

    assert (finding.subject, finding.grade) == ("storage perdure.db", grade)


def test_a_damaged_file_fails(tmp_path: Path) -> None:
    (tmp_path / "perdure.db").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4_096)
    *_, finding = data.examine(tmp_path)

    assert finding.grade is Grade.FAIL
    assert "backup" in finding.advice


def test_a_directory_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    (finding,) = data.examine(tmp_path / "none")

    assert finding.grade is Grade.WARN


@pytest.mark.parametrize(
    ("free", "grade"), [(2**20, Grade.FAIL), (2**29, Grade.WARN), (2**40, Grade.OK)], ids=["none", "little", "much"]
)
def test_a_disk_that_fills_up_is_told(free: int, grade: Grade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    finding, *_ = data.examine(tmp_path)

    assert finding.grade is grade
