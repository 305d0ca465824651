"""All commands as one: each has a test and stands in the manual, and asking for help costs nothing."""

import importlib
import subprocess
import sys
from pathlib import Path

from perdure_protos.perdure.admin.v1 import admin_pb2

from tests.cli.command import ROOT, perdure
from tests.cli.covering import COVERED
from tests.cli.reference import PAGE, commands, page

# Commands that have been tested elsewhere since before they were counted.
ELSEWHERE = {
    "dev": "tests/cli/test_dev.py",
    "up": "tests/cli/town.py",
    "serve": "tests/e2e/test_upgrade.py",
    "generate": "tests/docs/test_readme.py",
    "protos": "tests/docs/test_guides.py",
}
# What only nodes, endpoints and questions need; `perdure --help` must do without.
HEAVY = {"perdure", "google.protobuf", "grpclib", "pydantic", "rich", "starlette", "sqlite3", "asyncio"}


def test_every_command_has_a_test() -> None:
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        importlib.import_module(f"tests.cli.{file.stem}")
    untested = commands().keys() - COVERED - ELSEWHERE.keys()

    assert untested == set()
    assert commands().keys() >= COVERED


def test_the_tests_elsewhere_run_their_commands() -> None:
    silent = [name for name, file in ELSEWHERE.items() if f'"{name}"' not in (ROOT / file).read_text()]

    assert silent == []


def test_the_manual_has_every_command_and_option_as_the_app_has_it() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew with: python -m tests.cli.reference"


def test_every_rpc_takes_a_request_that_is_called_as_it_is() -> None:
    """The commands ask by the type of the request."""
    rpcs = admin_pb2.DESCRIPTOR.services_by_name["AdminService"].methods

    assert [rpc.name for rpc in rpcs if rpc.input_type.name != f"{rpc.name}Request"] == []


def test_help_is_there_at_once() -> None:
    program = "import sys, perdure_runtime.cli.main; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert HEAVY & set(ran.stdout.split()) == set()


def test_every_command_says_what_it_does() -> None:
    silent = [name for name, command in commands().items() if not command.help]

    assert silent == []


def test_help_is_printed_without_an_error() -> None:
    ran = perdure("invocations", "list", "--help")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert "--older-than DURATION" in ran.stdout
