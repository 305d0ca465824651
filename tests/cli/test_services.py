"""`perdure services`: what is served, and how operators have it treated."""

import pytest

from tests.cli.covering import covers
from tests.cli.town import Town, eventually

MAIL = "mail.v1.MailService"


@covers("services list")
def test_services_are_listed_with_their_kinds_and_handlers(there: Town) -> None:
    lines = there.says("services", "list").splitlines()

    assert lines[0].split() == ["name", "kind", "callers", "handlers", "deployment"]
    (line,) = [line for line in lines if line.startswith("accounts.v1.UserAccount")]
    assert "virtual object  public" in line
    assert "UpdateBalance, AddPoints, GetAccount" in line
    assert [each["name"] for each in there.json("services", "list")["services"]] == [
        line.split()[0] for line in lines[1:]
    ]


@covers("services show")
def test_a_service_is_shown_with_its_handlers(there: Town) -> None:
    shown = there.says("services", "show", "signup.v1.Signup")

    assert "signup.v1.SignupState" in shown
    assert "email_verified: signup.v1.Verification" in shown
    (run,) = [line for line in shown.splitlines() if line.startswith("Run ")]
    assert "signup.v1.SignupRequest" in run
    assert there.json("services", "show", "signup.v1.Signup")["kind"] == "workflow"


@covers("services set", "services clear-settings")
def test_what_is_set_holds_until_it_is_cleared(there: Town) -> None:
    assert "callers  private" in there.says("services", "set", MAIL, "--private")
    eventually(lambda: there.call(f"{MAIL}/Confirm", {"customer": "ada"}).exit_code == 2)
    # The second adds to the first.
    said = there.says("services", "set", MAIL, "--journal-retention", "7d", "--retry", "max-attempts=3")
    assert "private" in said
    assert "7d" in said
    assert "3 attempts, then" in said
    assert there.says("services", "clear-settings", MAIL) == f"{MAIL} is treated as its contract says\n"
    eventually(lambda: there.call(f"{MAIL}/Confirm", {"customer": "ada"}).exit_code == 0)
    assert there.json("services", "show", MAIL)["public"] is True


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "say what to set, such as --private or --journal-retention 7d"),
        (("--abort-timeout", "long"), "--abort-timeout: 'long' is no duration"),
        (("--retry", "tries=3"), "--retry: there is no setting 'tries'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_setting_is_one_sentence(options: tuple[str, ...], says: str, there: Town) -> None:
    assert there.refuses("services", "set", MAIL, *options).startswith(f"perdure: {says}")


def test_an_unknown_service_is_one_sentence(there: Town) -> None:
    assert "shop.v1.Nothing" in there.refuses("services", "show", "shop.v1.Nothing")
