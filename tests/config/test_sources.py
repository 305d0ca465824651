"""Where settings come from, and which of them holds."""

import json
from pathlib import Path

import pytest
from perdure_runtime.config.catalogue import Place
from perdure_runtime.config.error import SettingsError
from perdure_runtime.config.loading import Effective, load
from perdure_runtime.config.showing import json_text, text_lines

LISTEN = ("ingress", "listen")
FLAG, VARIABLE, IN_FILE = "127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(directory: Path, text: str, name: str = "perdure.toml") -> Path:
    """A file of settings."""
    path = directory / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("flag", "variable", "in_file", "holds", "source"),
    [
        (FLAG, VARIABLE, IN_FILE, FLAG, "flag"),
        (None, VARIABLE, IN_FILE, VARIABLE, "environment"),
        (None, None, IN_FILE, IN_FILE, "perdure.toml"),
        (None, None, None, "127.0.0.1:8080", "default"),
    ],
)
def test_flags_come_before_the_environment_that_before_the_file_and_the_file_before_defaults(
    flag: str | None, variable: str | None, in_file: str | None, holds: str, source: str, directory: Path
) -> None:
    if in_file is not None:
        written(directory, f'ingress.listen = "{in_file}"')
    effective = load({LISTEN: flag}, {} if variable is None else {"PERDURE_INGRESS__LISTEN": variable})
    assert json.loads(json_text(effective))["ingress.listen"] == {"value": holds, "source": source}


def test_a_command_may_have_defaults_of_its_own_which_a_file_overrules(directory: Path) -> None:
    own: dict[Place, object] = {("storage", "data"): Path(".perdure")}
    effective = load({}, {}, defaults=own, command="perdure dev")
    assert effective.settings.storage.data == Path(".perdure")
    assert effective.source_of(("storage", "data")).name == "default of perdure dev"
    written(directory, 'storage.data = "elsewhere"')
    assert load({}, {}, defaults=own, command="perdure dev").settings.storage.data == Path("elsewhere")


def test_the_file_is_the_one_that_is_named_else_that_of_the_environment_else_the_usual_one(directory: Path) -> None:
    named = written(directory, "sql.rows = 1", "named.toml")
    variable = {"PERDURE_CONFIG": str(written(directory, "sql.rows = 2", "variable.toml"))}
    written(directory, "sql.rows = 3")
    assert load({}, variable, named).settings.sql.rows == 1
    assert load({}, variable).settings.sql.rows == 2
    assert load({}, {}).settings.sql.rows == 3


def test_a_file_that_was_named_must_be_there() -> None:
    with pytest.raises(SettingsError, match=r"^gone\.toml cannot be read: No such file"):
        load({}, {}, Path("gone.toml"))


@pytest.mark.parametrize("text", ["postgresql://a/1,postgresql://b/2", '["postgresql://a/1", "postgresql://b/2"]'])
@pytest.mark.parametrize("variable", ["PERDURE_STORAGE"])
def test_a_list_in_a_variable_is_json_or_has_commas(variable: str, text: str) -> None:
    assert load({}, {variable: text}).settings.storage.addresses == ("postgresql://a/1", "postgresql://b/2")


def test_variables_of_other_commands_are_left_alone() -> None:
    assert load({}, {"PERDURE_ADMIN": "elsewhere:1", "PERDURE_KEY": "pk"}) == load({}, {})


def test_a_secret_may_stand_in_a_file_of_its_own(directory: Path) -> None:
    secret = written(directory, "postgresql://ada:s3cret@db/shop\n", "url")
    assert load({}, {"PERDURE_STORAGE__URLS_FILE": str(secret)}).settings.storage.addresses == (
        "postgresql://ada:s3cret@db/shop",
    )
    written(directory, f'storage.urls_file = "{secret}"')
    assert load({}, {}).settings.storage.addresses == ("postgresql://ada:s3cret@db/shop",)


def test_secrets_are_masked_wherever_they_are_shown() -> None:
    effective = load({}, {"PERDURE_STORAGE": "postgresql://ada:s3cret@db/shop"})
    for shown in (json_text(effective), "\n".join(text_lines(effective)), repr(effective)):
        assert "s3cret" not in shown
    assert "postgresql://ada:********@db/shop" in json_text(effective)


def everything() -> Effective:
    """A value for a setting of each kind."""
    return load(
        {("cluster", "lease"): "7s", ("cluster", "workers"): 3, ("cluster", "advertise"): "node-1:9"},
        {"PERDURE_STORAGE": "postgresql://db/a,postgresql://db/b", "PERDURE_CLUSTER__PEER": "0.0.0.0:7"},
    )


def test_what_is_printed_is_a_file_that_gives_the_same(directory: Path) -> None:
    effective = everything()
    file = written(directory, "\n".join(text_lines(effective)), "printed.toml")
    assert load({}, {}, file).settings == effective.settings
