"""docs/security.md: its settings are settings, its commands run, and its code does."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import perdure
import pytest
from perdure_runtime.config.loading import load
from perdure_runtime.security.keys import ApiKeys
from perdure_runtime.security.settings import ApiKey, AuthSettings, SigningSettings, TlsSettings
from perdure_runtime.security.signing import Signer

from tests.admin.town import Trials
from tests.security.authority import Authority

PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of code in a language."""
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def run(command: str, directory: Path) -> tuple[str, str]:
    """What a command says: beside its answer, and as its answer."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(
        ["bash", "-c", command], cwd=directory, env=environment, check=True, capture_output=True, text=True
    )
    return ran.stderr, ran.stdout


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.split("\n")[0])
def test_its_settings_are_settings(block: str, tmp_path: Path) -> None:
    file = tmp_path / "perdure.toml"
    file.write_text(block)
    assert load({}, {}, file).sources


def test_its_keys_are_made_and_let_their_bearers_in(tmp_path: Path) -> None:
    (commands,) = (block for block in blocks("sh") if "keys new" in block)
    for command in commands.splitlines():
        shown, lines = run(command, tmp_path)
        (text,) = re.findall(r"pk_\w+", shown)
        (kept,) = tomllib.loads(lines)["auth"]["api_keys"]
        principal = ApiKeys([ApiKey.model_validate(kept)]).find(text)
        assert principal is not None
        assert principal.name in command


def test_its_signing_key_is_made_for_the_node_alone(tmp_path: Path) -> None:
    (command,) = (block for block in blocks("sh") if "keys signing" in block)
    shown, answer = run(command, tmp_path)
    file = tmp_path / "signing.pem"
    (public,) = re.findall(r"ed25519:\S+", shown + answer)
    assert Signer(file).public == public
    assert file.stat().st_mode & 0o077 == 0


def test_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Authority(tmp_path, "ca")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PERDURE_KEY", "pk_key")
    names = {"perdure": perdure, "os": os, "Orders": Trials}
    for block in blocks("python"):
        exec(block, names)
    assert isinstance(names["client"], perdure.Client)
    assert isinstance(names["app"], perdure.Endpoint)


@pytest.mark.parametrize("section", [TlsSettings, AuthSettings, SigningSettings])
def test_it_has_every_part_of_the_settings(section: type[TlsSettings | AuthSettings | SigningSettings]) -> None:
    assert [name for name in section.model_fields if name not in PAGE] == []
