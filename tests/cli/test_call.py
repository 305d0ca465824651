"""`perdure call`: any handler by its name, with JSON."""

import io
import json
import socket
from pathlib import Path

import pytest

from tests.cli.covering import covers
from tests.cli.handlers import REFUSED
from tests.cli.town import Town

CONFIRM = "mail.v1.MailService/Confirm"


@covers("call")
def test_the_answer_is_json_and_the_invocation_is_told_beside_it(there: Town) -> None:
    ran = there.call(CONFIRM, {"customer": "ada"})

    assert (ran.exit_code, json.loads(ran.out)) == (0, {"messageId": "for ada"})
    assert ran.err.startswith("inv_")


def test_the_package_may_be_left_out_and_the_key_given_apart(there: Town) -> None:
    ran = there.call("UserAccount/AddPoints", {"points": 3}, "--key", "calls")

    assert json.loads(ran.out)["customer"] == "calls"


@pytest.mark.parametrize("given", ["-", "@"], ids=["standard input", "file"])
def test_a_request_is_read_from_elsewhere(
    given: str, there: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = json.dumps({"customer": "grace"})
    monkeypatch.setattr("sys.stdin", io.StringIO(request))
    (tmp_path / "request.json").write_text(request)
    where = given if given == "-" else f"@{tmp_path / 'request.json'}"
    ran = there.perdure("call", CONFIRM, where, "--ingress", there.ingress)

    assert json.loads(ran.out) == {"messageId": "for grace"}


def test_calls_with_one_idempotency_key_are_one_invocation(there: Town) -> None:
    first, second = (there.call(CONFIRM, {"customer": "ada"}, "--idempotency-key", "called-once") for _ in range(2))

    assert first == second


def test_a_terminal_error_is_its_code_and_message_and_exit_code_1(there: Town) -> None:
    ran = there.call(CONFIRM, {"orderId": REFUSED})

    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err.startswith("perdure: not_found: no such mailbox (inv_")


def test_a_call_that_is_not_waited_for_any_more_goes_on(there: Town) -> None:
    ran = there.call("payments.v1.Checkout/Pay", {"orderId": "slow"}, "--timeout", "50ms")

    assert ran.exit_code == 1
    assert "deadline_exceeded" in ran.err
    there.says("invocations", "kill", "--service", "payments.v1.Checkout", "--yes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("Deliver", "{}"), "'Deliver' names no handler; write SERVICE/METHOD"),
        ((CONFIRM, "{"), "JSON: this is no JSON"),
        ((CONFIRM, "@no/such/file"), "JSON: @no/such/file cannot be read"),
        ((CONFIRM, '{"colour": 1}'), "invalid_argument: "),
        (("mail.v1.MailService/Burn", "{}"), "unimplemented: "),
        (("Nothing/Burn", "{}"), "'Nothing' is no service: perdure services list shows those that there are"),
        ((CONFIRM, "{}", "--key", "ada"), f"--key: {CONFIRM} has no key"),
        ((CONFIRM, "{}", "--delay", "soon"), "--delay: 'soon' is no duration"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_the_caller_can_mend_is_one_sentence(arguments: tuple[str, ...], says: str, there: Town) -> None:
    sentence = there.refuses("call", *arguments, "--ingress", there.ingress)

    assert sentence.startswith(f"perdure: {says}")


def test_where_no_node_answers_the_sentence_says_how_to_name_one(there: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"

    assert f"no perdure node answers at {address}" in there.refuses("call", CONFIRM, "{}", "--ingress", address)
