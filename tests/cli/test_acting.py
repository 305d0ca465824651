"""What operators do to invocations: to one, to some, and to all that fit."""

import io

import pytest

from tests.cli.covering import covers
from tests.cli.handlers import BROKEN, REFUSED
from tests.cli.town import Town

MAIL = "mail.v1.MailService"
CHECKOUT = "payments.v1.Checkout/Pay"


def waiting(there: Town, order: str) -> str:
    """An invocation that waits for somebody outside."""
    return there.wait(there.send(CHECKOUT, {"orderId": order}), "suspended", "running")


@covers("invocations resume")
def test_a_paused_invocation_is_tried_again(there: Town) -> None:
    paused = there.mail(BROKEN, "paused")

    assert there.says("invocations", "resume", paused) == f"{paused} runs again\n"
    assert there.says("invocations", "resume", there.wait(paused, "paused"), "--on-newest") == f"{paused} runs again\n"
    there.says("invocations", "kill", there.wait(paused, "paused"))


@covers("invocations pause", "invocations cancel")
def test_an_invocation_is_paused_and_cancelled(there: Town) -> None:
    stopped = waiting(there, "stopped")

    assert there.says("invocations", "pause", stopped).startswith(f"{stopped} is paused; go on with: ")
    there.wait(stopped, "paused")
    assert there.says("invocations", "resume", stopped) == f"{stopped} runs again\n"
    assert there.says("invocations", "cancel", stopped) == f"{stopped} is asked to end\n"
    there.wait(stopped, "ended")
    assert "cancelled" in there.says("invocations", "show", stopped)


@covers("invocations restart", "invocations purge")
def test_an_ended_invocation_is_run_again_and_forgotten(there: Town) -> None:
    ended = there.mail("again", "ended")
    restarted = there.says("invocations", "restart", ended)
    new = restarted.split()[-1]

    assert restarted == f"{ended} runs again as {new}\n"
    there.wait(new, "ended")
    assert there.says("invocations", "purge", ended) == f"{ended} is forgotten\n"
    assert "there is no invocation" in there.refuses("invocations", "show", ended)


def test_a_part_of_the_journal_is_kept_where_the_operator_says_so(there: Town) -> None:
    added = there.send("accounts.v1.UserAccount/AddPoints", {"customer": "restarted", "points": 5})
    there.wait(added, "ended")
    new = there.says("invocations", "restart", added, "--from-entry", "2").split()[-1]
    there.wait(new, "ended")

    before, after = (there.json("invocations", "show", each)["entries"] for each in (added, new))
    assert [entry["summary"] for entry in after[:2]] == [entry["summary"] for entry in before[:2]]


@pytest.mark.parametrize("number", ["-1", "4294967296", "first"])
def test_an_entry_that_no_journal_can_have_is_refused(number: str, there: Town) -> None:
    there.refuses("invocations", "restart", "inv_1", "--from-entry", number)


def test_an_entry_is_for_invocations_by_their_ids_alone(there: Town) -> None:
    says = there.refuses("invocations", "restart", "--service", MAIL, "--from-entry", "2")

    assert says == "perdure: --from-entry: journals differ, so name the invocations by their ids"


def test_what_is_in_another_status_is_refused_with_a_sentence(there: Town) -> None:
    ended = there.mail("ended", "ended")

    assert ended in there.refuses("invocations", "resume", ended)


def test_of_several_those_that_are_refused_are_listed_with_the_reason(there: Town) -> None:
    first, second = there.mail("purged", "ended"), waiting(there, "kept")
    ran = there.perdure("invocations", "purge", first, second)

    assert ran.exit_code == 1
    assert ran.out == f"{first} is forgotten\n"
    reason, problem = ran.err.splitlines()
    assert second in reason
    assert problem == "perdure: 1 invocation could not be forgotten; the reasons stand above"
    there.says("invocations", "kill", second)


@covers("invocations kill")
def test_all_that_fit_are_counted_and_acted_on(there: Town) -> None:
    killed = [waiting(there, f"many-{number}") for number in range(3)]
    options = ("--service", "payments.v1.Checkout")

    assert there.says("invocations", "kill", *options, "--yes") == "3 invocations are killed\n"
    for each in killed:
        there.wait(each, "ended")
    assert there.says("invocations", "kill", *options, "--yes") == "there are none\n"


def test_without_a_status_those_are_taken_that_are_in_one_for_it(there: Town) -> None:
    """What still waits would be refused, so it is not even counted."""
    ended, kept = there.mail(REFUSED, "ended"), there.mail(BROKEN, "paused")

    assert "are forgotten" in there.says("invocations", "purge", "--service", MAIL, "--yes")
    left = {each["id"] for each in there.json("invocations", "list", "--service", MAIL)["invocations"]}
    assert ended not in left
    assert kept in left
    assert there.says("invocations", "resume", "--service", MAIL, "--yes") == "1 invocation is resumed\n"
    there.says("invocations", "kill", there.wait(kept, "paused"))


def test_what_is_refused_of_many_is_listed_with_the_reason(there: Town) -> None:
    ended = there.mail("refused", "ended")
    ran = there.perdure("invocations", "resume", "--status", "ended", "--service", MAIL, "--newer-than", "1h", "--yes")

    assert ran.exit_code == 1
    assert ran.out == "0 invocations are resumed\n"
    assert any(line.startswith(f"{ended}: ") for line in ran.err.splitlines())
    assert ran.err.splitlines()[-1].endswith("could not be resumed; the reasons stand above")


def test_restarting_all_leaves_the_new_ones_alone(there: Town) -> None:
    there.says("invocations", "purge", "--service", MAIL, "--yes")
    for _ in range(3):
        there.mail("restarted", "ended")

    assert there.says("invocations", "restart", "--service", MAIL, "--yes") == "3 invocations are started again\n"
    assert len(there.json("invocations", "list", "--service", MAIL)["invocations"]) == 6


@pytest.mark.parametrize(
    ("answer", "exit_code", "says"),
    [
        ("y\n", 0, ""),
        ("n\n", 1, "perdure: nothing was done"),
        ("", 2, "perdure: nobody says yes; --yes does it without asking"),
    ],
    ids=["yes", "no", "nobody"],
)
def test_many_are_asked_for_first(
    answer: str, exit_code: int, says: str, there: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.mail("asked", "ended")
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ran = there.perdure("invocations", "purge", "--service", MAIL, "--newer-than", "1h")

    assert ran.exit_code == exit_code, ran
    assert "purge " in ran.err
    assert says in ran.err
    assert ("forgotten" in ran.out) is (exit_code == 0)


def test_whoever_says_nothing_does_nothing_to_everything(there: Town) -> None:
    says = there.refuses("invocations", "cancel")
    assert says.startswith("perdure: say which invocations to cancel: by their ids, with options such as --service")
    assert "not both" in there.refuses("invocations", "cancel", "inv_1", "--service", MAIL)


def test_all_is_said_by_an_option(there: Town) -> None:
    paused = there.mail(BROKEN, "paused")
    assert "killed" in there.says("invocations", "kill", "--all", "--yes")
    there.wait(paused, "ended")
