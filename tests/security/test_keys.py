"""API keys: made, kept as hashes, found again."""

import tomllib
from pathlib import Path

import pytest
from perdure_runtime.security.keys import ApiKeys, new_key
from perdure_runtime.security.principal import Principal, Role
from perdure_runtime.security.problem import SecurityProblem
from pydantic import ValidationError


def test_the_bearer_of_a_key_is_known() -> None:
    key = new_key("ada", Role.VIEWER, ["shop.v1.*"])
    assert ApiKeys([key.settings]).find(key.text) == Principal("ada", Role.VIEWER, ("shop.v1.*",))


def test_of_a_key_only_its_hash_is_kept() -> None:
    key = new_key("ada")
    secret = key.text.rpartition("_")[2]
    assert len(bytes.fromhex(secret)) == 32
    assert secret not in key.settings.model_dump_json()


def test_a_key_with_another_secret_is_nobodys() -> None:
    key, other = new_key("ada"), new_key("grace")
    mixed = f"{key.text.rpartition('_')[0]}_{other.text.rpartition('_')[2]}"
    assert ApiKeys([key.settings]).find(mixed) is None


@pytest.mark.parametrize("text", ["", "pk_", "pk_a_b", "pk_0_" + "0" * 64, "pk_ü_" + "f" * 64, "f" * 64])
def test_what_is_no_key_is_nobodys(text: str) -> None:
    assert ApiKeys([new_key("ada").settings]).find(text) is None


def test_keys_come_and_go_with_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("perdure.watched.LOOK_EVERY_S", 0)
    file = tmp_path / "keys.toml"
    key = new_key("ada", Role.ADMIN)
    file.write_text("")
    keys = ApiKeys([], file)
    assert keys.find(key.text) is None
    kept = key.settings
    file.write_text(f'[[api_keys]]\nid = "{kept.id}"\nhash = "{kept.hash}"\nname = "ada"\nrole = "admin"\n')
    assert keys.find(key.text) == Principal("ada", Role.ADMIN)
    file.write_text("# nobody")
    assert keys.find(key.text) is None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[[api_keys", "is no TOML"),
        ('[[api_keys]]\nid = "a"\nhash = "open sesame"\nname = "ada"\n', r"api_keys\.0\.hash"),
        ("[[keys]]\n", "keys: Extra inputs"),
    ],
)
def test_a_file_with_no_good_keys_is_refused_without_being_shown(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "keys.toml"
    file.write_text(content)
    with pytest.raises(SecurityProblem, match=says) as refused:
        ApiKeys([], file)
    assert "sesame" not in str(refused.value)


def test_settings_that_hold_a_secret_by_mistake_do_not_show_it() -> None:
    from perdure_runtime.security.settings import AuthSettings

    written = tomllib.loads('[[api_keys]]\nid = "a"\nhash = "open sesame"\nname = "ada"\nrole = "sesame"')
    with pytest.raises(ValidationError) as refused:
        AuthSettings.model_validate(written)
    assert "sesame" not in str(refused.value)
