"""A project that has perdure and pytest installed needs nothing more."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROJECT = """
import pytest
from trial.v1 import Text, TrialClient, TrialHandlers


class Shout(TrialHandlers):
    async def first(self, ctx, request):
        return Text(text=await ctx.run("shout", str.upper, request.text))

    async def second(self, ctx, request):
        return Text()


@pytest.fixture
def order():
    return Text(text="tea")


async def test_a_function(perdure_runtime, order):
    async with perdure_runtime(Shout()) as runtime:
        assert (await TrialClient(runtime.client).first(order)).text == "TEA"


class TestInAClass:
    @pytest.mark.parametrize("text", ["a", "b"])
    async def test_a_method(self, perdure_runtime, text):
        async with perdure_runtime(Shout()) as runtime:
            assert (await TrialClient(runtime.client).first(Text(text=text))).text == text.upper()


async def test_that_fails(perdure_runtime):
    async with perdure_runtime(Shout()) as runtime:
        assert (await TrialClient(runtime.client).first(Text(text="a"))).text == "a"


async def test_of_another_plugin():
    raise RuntimeError("it ran")


@pytest.mark.asyncio
async def test_taken_by_another_plugin(perdure_runtime):
    raise RuntimeError("it ran")
"""


def run_pytest(project: Path, *options: str) -> str:
    """What pytest says of a project."""
    (project / "test_shop.py").write_text(PROJECT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "generated"), "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", *options]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120).stdout


def test_async_tests_with_the_fixture_run(tmp_path: Path) -> None:
    said = run_pytest(tmp_path)
    for passed in ("test_a_function", "TestInAClass::test_a_method[a]", "TestInAClass::test_a_method[b]"):
        assert f"PASSED test_shop.py::{passed}\n" in said
    assert "FAILED test_shop.py::test_that_fails - AssertionError: assert 'A' == 'a'" in said


def test_other_async_tests_are_left_alone(tmp_path: Path) -> None:
    said = run_pytest(tmp_path)
    assert "it ran" not in said
    for other in ("test_of_another_plugin", "test_taken_by_another_plugin"):
        assert f"FAILED test_shop.py::{other} - Failed: async def" in said


def test_the_plugin_costs_a_test_run_without_it_no_imports(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test_imports():\n    assert not {'perdure', 'grpclib', 'betterproto'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_other.py"]
    finished = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert finished.returncode == 0, finished.stdout
