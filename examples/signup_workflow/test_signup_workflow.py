"""The signup, called from outside: confirmed, reminded, or too late."""

from datetime import timedelta

import perdure
import pytest
from signup.v1 import GetStatusRequest, SignupClient, SignupRequest, SignupResult, Stage, VerifyEmailRequest

from examples import ledger
from examples.watching import wait_for_line

DAY = timedelta(days=1)


def request(email: str, remind_after: timedelta = DAY, expire_after: timedelta = 7 * DAY) -> SignupRequest:
    """A signup with this address."""
    return SignupRequest(email=email, remind_after=remind_after, expire_after=expire_after)


def mailed_code(email: str) -> str:
    """Waits for the code in the mail."""
    return wait_for_line(email, "mailed 'your code is ").split()[-1].strip("'")


def test_a_signup_waits_until_its_code_comes_back(client: perdure.SyncClient) -> None:
    ada = SignupClient(client, "ada")
    ada.run.send(request("ada@example.org"))
    code = mailed_code("ada@example.org")
    assert ada.get_status(GetStatusRequest()).stage is Stage.WAITING
    assert ada.run.output() is None
    ada.verify_email(VerifyEmailRequest(code=code, client="curl"))
    assert ada.run.attach() == SignupResult(user="ada", confirmed_from="curl")
    assert ada.get_status(GetStatusRequest()).stage is Stage.CONFIRMED


def test_another_code_confirms_nothing(client: perdure.SyncClient) -> None:
    eve = SignupClient(client, "eve")
    eve.run.send(request("eve@example.org"))
    mailed_code("eve@example.org")
    with pytest.raises(perdure.TerminalError, match="not the code") as refused:
        eve.verify_email(VerifyEmailRequest(code="guessed"))
    assert refused.value.code is perdure.StatusCode.INVALID_ARGUMENT
    assert eve.run.output() is None


def test_a_user_who_signs_up_twice_has_one_signup(client: perdure.SyncClient) -> None:
    bob = SignupClient(client, "bob")
    bob.run.send(request("bob@example.org"))
    bob.verify_email(VerifyEmailRequest(code=mailed_code("bob@example.org"), client="phone"))
    again = bob.run(request("bob@example.org"))
    assert again == bob.run.attach()
    assert len(ledger.read("bob@example.org")) == 1
    with pytest.raises(perdure.TerminalError) as taken:
        bob.run(request("other-bob@example.org"), must_be_new=True)
    assert taken.value.code is perdure.StatusCode.ALREADY_EXISTS


def test_who_forgets_is_reminded_once_and_can_still_confirm(client: perdure.SyncClient) -> None:
    kim = SignupClient(client, "kim")
    kim.run.send(request("kim@example.org", remind_after=timedelta(milliseconds=50)))
    code = mailed_code("kim@example.org")
    wait_for_line("kim@example.org", "mailed 'do not forget")
    assert kim.get_status(GetStatusRequest()).stage is Stage.REMINDED
    kim.verify_email(VerifyEmailRequest(code=code, client="laptop"))
    assert kim.run.attach().confirmed_from == "laptop"
    assert len(ledger.read("kim@example.org")) == 2


def test_after_the_deadline_no_code_is_taken(client: perdure.SyncClient) -> None:
    late = SignupClient(client, "late")
    soon = timedelta(milliseconds=50)
    with pytest.raises(perdure.TerminalError, match="not confirmed in time") as expired:
        late.run(request("late@example.org", remind_after=soon, expire_after=2 * soon))
    assert expired.value.code is perdure.StatusCode.DEADLINE_EXCEEDED
    with pytest.raises(perdure.TerminalError) as refused:
        late.verify_email(VerifyEmailRequest(code=mailed_code("late@example.org")))
    assert refused.value.code is perdure.StatusCode.ALREADY_EXISTS
    assert late.get_status(GetStatusRequest()).stage is Stage.EXPIRED
