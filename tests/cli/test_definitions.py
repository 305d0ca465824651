"""`perdure subscriptions` and `perdure schedules`: defined, listed, paused, removed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cli.covering import covers
from tests.cli.town import Town

CONFIRM = "mail.v1.MailService/Confirm"
SCHEDULE = {"name": "nightly", "handler": CONFIRM, "cron": "0 3 * * *", "request": '{"customer": "ada"}'}
SUBSCRIPTION = {
    "name": "orders",
    "handler": CONFIRM,
    "mapping": "JSON",
    "kafka": {"brokers": "127.0.0.1:1", "topic": "orders", "start": "earliest"},
}


def written(path: Path, definition: Mapping[str, object]) -> str:
    """A file with it."""
    path.write_text(json.dumps(definition))
    return str(path)


@covers("schedules put", "schedules list", "schedules pause", "schedules resume", "schedules remove")
def test_a_schedule_is_defined_paused_and_removed(there: Town, tmp_path: Path) -> None:
    said = there.says("schedules", "put", written(tmp_path / "s", SCHEDULE))
    assert said.startswith(f"nightly calls {CONFIRM} 0 3 * * *")
    assert there.says("schedules", "pause", "nightly") == "nightly is paused\n"
    (schedule,) = there.json("schedules", "list")["schedules"]
    assert schedule["paused"] is True
    assert "paused" in there.says("schedules", "list")
    assert there.says("schedules", "resume", "nightly") == "nightly is resumed\n"
    assert "active" in there.says("schedules", "list")
    assert there.says("schedules", "remove", "nightly") == "nightly is removed\n"
    assert there.perdure("schedules", "list").err == "there are none; perdure schedules put FILE defines one\n"


@covers("subscriptions put", "subscriptions list", "subscriptions remove")
@covers("subscriptions pause", "subscriptions resume", "subscriptions skip")
def test_a_subscription_is_defined_paused_and_removed(there: Town, tmp_path: Path) -> None:
    assert there.says("subscriptions", "put", written(tmp_path / "s", SUBSCRIPTION)) == (
        f"orders calls {CONFIRM} for each message of Kafka orders\n"
    )
    assert there.says("subscriptions", "pause", "orders") == "orders is paused\n"
    (subscription,) = there.json("subscriptions", "list")["subscriptions"]
    assert subscription["paused"] is True
    assert there.says("subscriptions", "resume", "orders") == "orders is resumed\n"
    assert there.says("subscriptions", "skip", "orders", "3", "17") == "orders leaves message 17 of partition 3 out\n"
    assert there.json("subscriptions", "list")["subscriptions"][0]["skip"] == {"3": "17"}
    assert "Kafka orders" in there.says("subscriptions", "list")
    assert there.says("subscriptions", "remove", "orders") == "orders is removed\n"
    ran = there.perdure("subscriptions", "list")
    assert ran.err == "there are none; perdure subscriptions put FILE defines one\n"


@pytest.mark.parametrize("kind", ["subscription", "schedule"])
def test_what_is_not_there_cannot_be_paused(kind: str, there: Town) -> None:
    says = there.refuses(f"{kind}s", "pause", "nothing")

    assert says == f"perdure: there is no {kind} 'nothing'; perdure {kind}s list shows those that there are"


@pytest.mark.parametrize("kind", ["subscription", "schedule"])
def test_a_file_that_defines_nothing_is_one_sentence(kind: str, there: Town, tmp_path: Path) -> None:
    file = written(tmp_path / "wrong", {"colour": "red"})

    assert f"defines no {kind}" in there.refuses(f"{kind}s", "put", file)
    assert "cannot be read" in there.refuses(f"{kind}s", "put", str(tmp_path / "none"))
