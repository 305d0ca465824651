"""`perdure promises` and `perdure awakeables`: what handlers wait for, completed by hand."""

from tests.cli.covering import covers
from tests.cli.town import Town, eventually

SIGNUP = "signup.v1.Signup"
PROMISE = "email_verified"


def signed_up(there: Town, user: str) -> str:
    """A workflow that waits for its promise."""
    return there.wait(there.send(f"{SIGNUP}/Run", {"user": user, "email": "a@b"}), "suspended", "running")


def checkout(there: Town, order: str) -> tuple[str, str]:
    """An invocation that waits for an awakeable, and that."""
    sent = there.send("payments.v1.Checkout/Pay", {"orderId": order})
    eventually(lambda: bool(there.json("awakeables", "list", "--invocation", sent)["awakeables"]))
    (awakeable,) = there.json("awakeables", "list", "--invocation", sent)["awakeables"]
    assert awakeable["type"] == "payments.v1.Payment"
    return sent, awakeable["id"]


@covers("promises resolve")
def test_a_promise_is_resolved(there: Town) -> None:
    run = signed_up(there, "ada")
    resolved = there.says("promises", "resolve", SIGNUP, "ada", PROMISE, '{"client": "browser"}')

    assert resolved == f"{PROMISE} of {SIGNUP} ada is resolved\n"
    there.wait(run, "ended")
    assert "browser" in there.says("invocations", "show", run)
    assert "resolved" in there.says("state", "get", SIGNUP, "ada")


@covers("promises reject")
def test_a_promise_is_rejected(there: Town) -> None:
    run = signed_up(there, "bob")
    there.says("promises", "reject", SIGNUP, "bob", PROMISE, "the address is wrong")

    there.wait(run, "ended")
    assert "the address is wrong" in there.says("invocations", "show", run)


def test_a_promise_is_completed_once(there: Town) -> None:
    signed_up(there, "eve")
    there.says("promises", "resolve", SIGNUP, "eve", PROMISE, "{}")

    assert PROMISE in there.refuses("promises", "resolve", SIGNUP, "eve", PROMISE, "{}")


@covers("awakeables list", "awakeables resolve")
def test_an_awakeable_is_resolved(there: Town) -> None:
    run, awakeable = checkout(there, "o-1")
    (line,) = [line for line in there.says("awakeables", "list").splitlines() if awakeable in line]

    assert run in line
    assert there.says("awakeables", "resolve", awakeable, '{"reference": "r-1"}') == f"{awakeable} is resolved\n"
    there.wait(run, "ended")
    assert "r-1" in there.says("invocations", "show", run)


@covers("awakeables reject")
def test_an_awakeable_is_rejected(there: Town) -> None:
    run, awakeable = checkout(there, "o-2")
    there.says("awakeables", "reject", awakeable, "declined")

    there.wait(run, "ended")
    assert "declined" in there.says("invocations", "show", run)


def test_a_message_of_another_form_is_refused_and_nothing_happens(there: Town) -> None:
    run, awakeable = checkout(there, "o-3")

    there.refuses("awakeables", "resolve", awakeable, '{"colour": "red"}')
    there.refuses("awakeables", "resolve", awakeable, "{")
    assert there.json("awakeables", "list", "--invocation", run)["awakeables"]
    there.says("invocations", "kill", run)
