"""`perdure state`: looked at, edited by hand and by fields, cleared."""

import sys
from pathlib import Path

import pytest

from tests.cli.covering import covers
from tests.cli.town import Town

ACCOUNT = "accounts.v1.UserAccount"


def account(there: Town, key: str, points: int = 5) -> str:
    """An account with points; gives its key."""
    ran = there.call(f"{ACCOUNT}/AddPoints", {"customer": key, "points": points})
    assert ran.exit_code == 0, ran.err
    return key


def values(there: Town, key: str) -> dict[str, str]:
    """The fields of a key, as JSON."""
    return {each["name"]: each["value"]["json"] for each in there.json("state", "get", ACCOUNT, key)["values"]}


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An editor that runs the Python in this file on the text."""
    script = tmp_path / "editor.py"
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.delenv("VISUAL", raising=False)
    return script


@covers("state keys")
def test_keys_that_have_state_are_listed(there: Town) -> None:
    for key in ("keys-b", "keys-a", "other"):
        account(there, key)

    assert there.says("state", "keys", ACCOUNT, "--prefix", "keys-").splitlines() == ["keys-a", "keys-b"]
    assert there.json("state", "keys", ACCOUNT, "--prefix", "keys-")["keys"] == ["keys-a", "keys-b"]
    ran = there.perdure("state", "keys", ACCOUNT, "--prefix", "keys-", "--limit", "1")
    assert (ran.out, ran.err) == ("keys-a\n", "these are 1, and there are more: --limit 0 prints all\n")


@covers("state get")
def test_state_is_shown_by_the_fields_of_its_contract(there: Town) -> None:
    key = account(there, "shown")
    lines = there.says("state", "get", ACCOUNT, key).splitlines()

    assert lines[0] == f"{ACCOUNT} shown"
    assert lines[1].split()[0] == "version"
    assert any(line.split() == ["points", '"5"'] for line in lines)
    assert "no state" in there.says("state", "get", ACCOUNT, "nobody")


@covers("state edit")
def test_fields_are_set_and_cleared(there: Town) -> None:
    key = account(there, "edited")
    there.says("state", "edit", ACCOUNT, key, "--set", "points=12", "--clear", "updated_at")

    assert values(there, key) == {"points": '"12"'}


def test_an_edit_of_another_version_is_refused(there: Town) -> None:
    key = account(there, "versioned")
    version = there.json("state", "get", ACCOUNT, key)["version"]
    account(there, key)
    edit = ("state", "edit", ACCOUNT, key, "--set", "points=1", "--version")

    there.refuses(*edit, version)
    assert values(there, key)["points"] == '"10"'
    there.says(*edit, there.json("state", "get", ACCOUNT, key)["version"])
    assert values(there, key)["points"] == '"1"'


def test_state_is_edited_by_hand(there: Town, editor: Path) -> None:
    key = account(there, "by-hand")
    editor.write_text(
        "import json, sys\n"
        "state = json.load(open(sys.argv[1]))\n"
        "state['balance_cents'] = 7\n"
        "del state['updated_at']\n"
        "json.dump(state, open(sys.argv[1], 'w'))\n"
    )

    assert "is changed; its state is of version" in there.says("state", "edit", ACCOUNT, key)
    assert values(there, key) == {"balance_cents": '"7"', "points": '"5"'}


@pytest.mark.parametrize(
    ("program", "exit_code", "says"),
    [
        ("", 0, "nothing was changed"),
        ("import sys; open(sys.argv[1], 'w').write('{')", 2, "what you wrote is no JSON"),
        ("import sys; open(sys.argv[1], 'w').write('[]')", 2, "what you wrote is no JSON object"),
        ("import sys; sys.exit(3)", 1, "the editor ended with exit code 3; nothing was changed"),
    ],
    ids=["unchanged", "broken", "a list", "given up"],
)
def test_a_text_that_is_no_state_changes_nothing(
    program: str, exit_code: int, says: str, there: Town, editor: Path
) -> None:
    key = account(there, f"kept-{exit_code}-{len(says)}")
    before = values(there, key)
    editor.write_text(program)
    ran = there.perdure("state", "edit", ACCOUNT, key)

    assert ran.exit_code == exit_code
    assert says in ran.out + ran.err
    assert values(there, key) == before


@pytest.mark.parametrize(
    ("option", "says"),
    [("points", "sets no field; write FIELD=JSON"), ("points=", "the value of points is no JSON")],
)
def test_a_wrong_field_is_one_sentence(option: str, says: str, there: Town) -> None:
    assert says in there.refuses("state", "edit", ACCOUNT, "wrong", "--set", option)


@covers("state clear")
def test_all_state_is_cleared(there: Town) -> None:
    key = account(there, "cleared")

    assert "is changed" in there.says("state", "clear", ACCOUNT, key, "--yes")
    assert there.says("state", "clear", ACCOUNT, key) == "there is no state\n"
