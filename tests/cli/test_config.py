"""`perdure config`: what holds, where it is from, and what is wrong."""

import json
import tomllib
from pathlib import Path

import pytest
from perdure_runtime.cli.ending import run
from perdure_runtime.cli.main import app

from tests.cli.covering import covers


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, where nothing is set."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_STORAGE", raising=False)
    return tmp_path


@covers("config")
def test_it_prints_what_holds_as_a_file_with_sources(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "perdure.toml").write_text("[sql]\nrows = 7")
    assert run(app, ["config", "--ingress", "127.0.0.1:9"]) == 0
    printed = capsys.readouterr().out
    assert 'listen = "127.0.0.1:9"  # flag' in printed
    assert "rows = 7  # perdure.toml" in printed
    assert tomllib.loads(printed)["admin"]["listen"] == "127.0.0.1:8081"


def test_programs_get_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_STORAGE", "postgresql://ada:s3cret@db/shop")
    assert run(app, ["config", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["storage.urls"] == {"value": ["postgresql://ada:********@db/shop"], "source": "environment"}


def test_a_check_of_what_is_right_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["config", "--check"]) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[ingres]", "perdure: perdure.toml: ingres: there is no section 'ingres'; did you mean 'ingress'?\n"),
        ("sql.rows = 'x'", "perdure: perdure.toml: sql.rows is 'x'; write a whole number\n"),
        ('ingress.listen = "0.0.0.0:80"', "perdure: the ingress would listen on 0.0.0.0, beyond this machine, without"),
        ('storage.codec = "nix"', "perdure: perdure.toml: storage.codec is not what it should be; write "),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    text: str, says: str, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "perdure.toml").write_text(text)
    assert run(app, ["config", "--check"]) == 2
    assert capsys.readouterr().err.startswith(says)


@covers("config schema")
def test_the_schema_is_a_json_schema_of_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ClusterSettings"]["properties"]["lease"]["default"] == "5s"
