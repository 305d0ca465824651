"""`perdure new`: what it makes runs at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo.processes import Service, free_port
from tests.cli.command import perdure, sentence
from tests.cli.covering import covers


@covers("new", "call")
def test_the_project_passes_its_tests_is_typed_and_answers_a_call(tmp_path: Path) -> None:
    made = perdure("new", "my-shop", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "my-shop"

    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q"], cwd=project, capture_output=True, text=True, timeout=120, check=False
    )
    assert "2 passed" in tested.stdout, tested.stdout

    ingress, admin = free_port(), free_port()
    addresses = ["--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}"]
    dev = Service("dev", ["dev", "app:app", *addresses], ingress, tmp_path / "log", directory=project)
    dev.start()
    try:
        answer = perdure("call", "Greeter/Greet", '{"name": "Ada"}', *addresses)
        assert json.loads(answer.stdout) == {"text": "Hello Ada, for the 1. time"}, answer.stderr
    finally:
        dev.stop()


def test_the_code_of_the_project_is_typed(tmp_path: Path) -> None:
    perdure("new", "shop", cwd=tmp_path)
    command = [sys.executable, "-m", "mypy", "app.py", "tests", "--cache-dir", os.devnull]
    checked = subprocess.run(command, cwd=tmp_path / "shop", capture_output=True, text=True, timeout=300, check=False)

    assert checked.returncode == 0, checked.stdout


def test_buf_accepts_the_contract_of_the_project(tmp_path: Path) -> None:
    perdure("new", "shop", cwd=tmp_path)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    linted = subprocess.run(
        ["buf", "lint"],
        cwd=tmp_path / "shop",
        env={**os.environ, "PATH": path},
        capture_output=True,
        timeout=60,
        check=False,
    )

    assert (linted.returncode, linted.stdout) == (0, b"")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My Shop", "is no name of a project"),
        ("json", "is the name of a Python module that the project needs"),
        ("app", "is the name of a Python module that the project needs"),
        ("full", "exists already"),
    ],
)
def test_a_name_that_cannot_be_is_one_sentence(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()

    assert says in sentence(perdure("new", name, cwd=tmp_path))
