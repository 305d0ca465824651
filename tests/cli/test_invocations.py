"""`perdure invocations`: finding them, and looking at one."""

import signal
import subprocess
import sys

import pytest

from tests.cli.command import ROOT
from tests.cli.covering import covers
from tests.cli.handlers import REFUSED
from tests.cli.town import Town

MAIL = "mail.v1.MailService"


@covers("invocations list")
def test_invocations_are_listed_with_what_has_become_of_them(there: Town) -> None:
    fine, refused = there.mail("hello", "ended"), there.mail(REFUSED, "ended")
    lines = there.says("invocations", "list", "--service", MAIL, "--status", "ended").splitlines()

    assert lines[0].split() == ["id", "handler", "key", "status", "age", "took", "error"]
    (line,) = [line for line in lines if fine in line]
    assert f"{MAIL}/Confirm" in line
    assert "succeeded" in line
    (line,) = [line for line in lines if refused in line]
    assert "failed" in line
    assert line.endswith("NOT_FOUND: no such mailbox")


def test_each_option_narrows_the_list(there: Town) -> None:
    refused = there.mail(REFUSED, "ended")
    there.mail("hello", "ended")
    deployment = there.json("invocations", "show", refused)["invocation"]["deployment_id"]
    narrowed = ("--handler", "Confirm", "--deployment", deployment, "--error", "mailbox", "--status", "failed")

    listed = there.json("invocations", "list", "--service", MAIL, *narrowed)["invocations"]
    assert refused in [each["id"] for each in listed]
    assert {each["error"]["message"] for each in listed} == {"no such mailbox"}
    assert there.json("invocations", "list", *narrowed, "--older-than", "1h")["invocations"] == []
    assert there.json("invocations", "list", *narrowed, "--newer-than", "1h")["invocations"] == listed


def test_an_invocation_is_found_by_its_idempotency_key_and_by_its_key(there: Town) -> None:
    request = {"customer": "ada", "orderId": "once"}
    once = there.send(f"{MAIL}/Confirm", request, "--idempotency-key", "only-once")
    paid = there.send("accounts.v1.UserAccount/AddPoints", {"customer": "grace", "points": 5})

    found = there.json("invocations", "list", "--idempotency-key", "only-once")["invocations"]
    assert [each["id"] for each in found] == [once]
    found = there.json("invocations", "list", "--service", "accounts.v1.UserAccount", "--key", "grace")["invocations"]
    assert [each["id"] for each in found] == [paid]


def test_a_list_ends_at_its_limit_and_says_so(there: Town) -> None:
    for _ in range(3):
        there.mail("limited", "ended")
    ran = there.perdure("invocations", "list", "--limit", "2")

    assert len(ran.out.splitlines()) == 3
    assert ran.err == "these are 2, and there are more: --limit 0 prints all\n"
    oldest = there.json("invocations", "list", "--limit", "0", "--oldest-first")
    assert oldest["next_page_token"] == ""
    newest = there.json("invocations", "list", "--limit", "0")
    assert [each["id"] for each in newest["invocations"]] == [each["id"] for each in oldest["invocations"]][::-1]


def test_where_none_fits_the_list_is_empty_and_says_so(there: Town) -> None:
    ran = there.perdure("invocations", "list", "--service", "shop.v1.Nothing")

    assert (ran.exit_code, ran.out, ran.err) == (0, "", "there are none\n")


def test_a_list_that_is_followed_tells_what_comes_until_it_is_interrupted(there: Town) -> None:
    command = [sys.executable, "-m", "perdure_runtime.cli", "invocations", "list", "--follow", "--error", "mailbox"]
    following = subprocess.Popen(
        [*command, "--admin", there.admin], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert following.stdout is not None
    refused = there.mail(REFUSED)

    line = next(line for line in following.stdout if refused in line)
    assert "failed" in line
    assert line.rstrip().endswith("NOT_FOUND: no such mailbox")
    following.send_signal(signal.SIGINT)
    _, err = following.communicate(timeout=60)
    assert (following.returncode, err) == (130, "")


@covers("invocations show")
def test_an_invocation_is_shown_with_outcome_caller_deployment_and_journal(there: Town) -> None:
    sent = there.send(f"{MAIL}/Confirm", {"customer": "ada", "orderId": "o-1"})
    there.wait(sent, "ended")
    (called,) = there.json("invocations", "list", "--caller", sent)["invocations"]
    shown = there.says("invocations", "show", called["id"])

    facts, journal = shown.split("\njournal\n")
    assert facts.splitlines()[0] == called["id"]
    told = dict(line.strip().split("  ", 1) for line in facts.splitlines()[1:])
    told = {name: value.strip() for name, value in told.items()}
    assert told["handler"] == f"{MAIL}/Deliver"
    assert told["status"] == "succeeded"
    assert told["caller"] == sent
    assert told["deployment"].startswith("dp_")
    assert "o-1" in told["input"]
    assert "for ada" in told["output"]
    assert told["advice"] == "It has ended well."
    assert [line.split()[0] for line in journal.splitlines()[1:]] == [
        str(index) for index in range(len(journal.splitlines()) - 1)
    ]
    assert "run 'post'" in journal


def test_a_read_of_state_is_not_told_as_a_write(there: Town) -> None:
    request = {"customer": "hedy", "points": 5}
    sent = there.send("accounts.v1.UserAccount/AddPoints", request)
    there.wait(sent, "ended")
    read, written, *_ = there.json("invocations", "show", sent)["entries"]

    assert (read["name"], written["name"]) == ("points", "points")
    assert "clear state" not in read["summary"]
    assert "set state" in written["summary"]


def test_an_invocation_that_nobody_has_begun_says_so(there: Town) -> None:
    later = there.send(f"{MAIL}/Confirm", {"customer": "ada", "orderId": "later"}, "--delay", "1h")
    shown = there.says("invocations", "show", later)

    assert "scheduled" in shown
    assert "none yet" in shown
    assert shown.splitlines()[-1] == "no journal"
    assert there.says("invocations", "kill", later) == f"{later} is killed\n"


@covers("invocations tree")
def test_the_tree_shows_what_an_invocation_has_called(there: Town) -> None:
    sent = there.send(f"{MAIL}/Confirm", {"customer": "ada", "orderId": "o-2"})
    there.wait(sent, "ended")
    root, leaf = there.says("invocations", "tree", sent).splitlines()

    assert root == f"{MAIL}/Confirm  succeeded  {sent}"
    assert f"{MAIL}/Deliver  succeeded  inv_" in leaf
    assert len(there.json("invocations", "tree", sent)["root"]["calls"]) == 1


@pytest.mark.parametrize("command", ["show", "tree", "cancel"])
def test_an_unknown_invocation_is_one_sentence(command: str, there: Town) -> None:
    assert "there is no invocation 'inv_nothing'" in there.refuses("invocations", command, "inv_nothing")
