"""The contract is the only configuration: what it says is what generated code and runtime do."""

import asyncio
import inspect
import shutil
import subprocess
from pathlib import Path

import perdure
import pytest
from conformance.v1 import DiaryClient, DiaryHandlers, KeyText, Nothing, SignupHandlers

from examples.demo.processes import ROOT
from tests.conformance.json_caller import JsonCaller
from tests.conformance.town import Town

feature = pytest.mark.feature
PROTOS = Path("tests/conformance/protos")


@feature("services, virtual objects and workflows from one contract")
def test_the_runtime_serves_all_three_kinds_of_the_contract(caller: JsonCaller) -> None:
    served = caller.get("/").value["handlers"]

    assert "/conformance.v1.Facts/Tell" in served
    assert "/conformance.v1.Diary/Append" in served
    assert "/conformance.v1.Signup/Run" in served
    assert "/conformance.v1.Hidden/Whisper" not in served


@feature("one generated client for handlers and for programs outside")
def test_one_client_class_is_awaited_blocks_and_calls_in_handlers(
    town: Town, client: perdure.SyncClient, scene: str
) -> None:
    async def awaited() -> list[str]:
        async with perdure.Client(town.ingress) as outside:
            return (await DiaryClient(outside, scene).append(KeyText(text="awaited"))).texts

    assert asyncio.run(awaited()) == ["awaited"]
    assert DiaryClient(client, scene).append(KeyText(text="blocked")).texts == ["awaited", "blocked"]
    # That handlers use it too is what most of this suite shows.


@feature("one generated client for handlers and for programs outside")
def test_a_client_of_one_key_refuses_a_request_for_another(client: perdure.SyncClient, scene: str) -> None:
    with pytest.raises(perdure.UsageError, match="another"):
        DiaryClient(client, scene).append(KeyText(key="another", text="astray"))


@feature("one generated client for handlers and for programs outside")
def test_a_client_refuses_what_is_not_the_request(client: perdure.SyncClient, scene: str) -> None:
    with pytest.raises(perdure.UsageError, match="KeyText"):
        DiaryClient(client, scene).append(Nothing())  # type: ignore[arg-type]  # What mypy finds is found at run time too.


@feature("comments of the contract become docstrings")
def test_comments_of_services_and_handlers_are_docstrings() -> None:
    assert inspect.getdoc(DiaryHandlers) == "One line after another, one writer a key."
    assert inspect.getdoc(DiaryHandlers.append) == "Adds a line and gives all of them."
    assert "waits for the promise" in (inspect.getdoc(SignupHandlers.run) or "")


@feature("buf lint and buf breaking read the contract")
def test_buf_lint_has_nothing_to_say_of_a_contract_with_our_options() -> None:
    linted = buf("lint", "--path", str(PROTOS / "conformance"))

    assert linted.returncode == 0, linted.stdout


@feature("buf lint and buf breaking read the contract")
def test_buf_breaking_finds_a_field_that_changed_its_type(tmp_path: Path) -> None:
    changed = tmp_path / "protos"
    shutil.copytree(ROOT / "protos" / "perdure" / "v1", changed / "perdure" / "v1")
    shutil.copytree(ROOT / PROTOS, changed, dirs_exist_ok=True)
    shutil.copytree(changed, before := tmp_path / "before")
    words = changed / "conformance" / "v1" / "words.proto"
    words.write_text(words.read_text().replace("int64 number = 1;", "string number = 1;"))

    found = buf("breaking", str(changed), "--against", str(before))

    assert found.returncode != 0
    assert 'Field "1" with name "number" on message "Number" changed type' in found.stdout


def buf(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs buf in the root of the repository."""
    return subprocess.run(["buf", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60)
