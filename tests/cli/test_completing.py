"""Completion at the prompt: what the node knows, and silence where it does not answer."""

import json
import os
import shlex
import subprocess
import sys

from tests.cli.command import ROOT
from tests.cli.town import Town


def offered(there: Town, *words: str) -> list[str]:
    """What bash is offered for the last word."""
    environment = {
        **os.environ,
        "_PERDURE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("perdure", *words)),
        "COMP_CWORD": str(len(words)),
        "PERDURE_ADMIN": there.admin,
    }
    command = [sys.executable, "-m", "perdure_runtime.cli"]
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.stderr == ""
    return [line for line in ran.stdout.splitlines() if line]


def test_services_and_handlers_are_offered(there: Town) -> None:
    assert offered(there, "services", "show", "mail") == ["mail.v1.MailService"]
    assert "mail.v1.MailService/Confirm" in offered(there, "call", "mail.v1.MailService/")


def test_a_request_is_offered_from_the_contract(there: Town) -> None:
    (request,) = offered(there, "call", "mail.v1.MailService/Confirm", "")

    # As a shell takes it.
    (given,) = shlex.split(request)
    assert json.loads(given).keys() == {"customer", "order_id"}


def test_ids_are_offered(there: Town) -> None:
    sent = there.mail("offered", "ended")

    assert sent in offered(there, "invocations", "show", "inv_")
    assert offered(there, "deployments", "remove", "dp_")[0].startswith("dp_")


def test_keys_of_the_service_before_are_offered(there: Town) -> None:
    there.call("accounts.v1.UserAccount/AddPoints", {"customer": "offered-key", "points": 1})

    assert offered(there, "state", "get", "accounts.v1.UserAccount", "offered-") == ["offered-key"]


def test_where_no_node_answers_nothing_is_offered_and_nothing_said(there: Town) -> None:
    nowhere = Town(there.directory, there.ingress, "127.0.0.1:1", there.endpoint)

    assert offered(nowhere, "services", "show", "") == []


def test_the_script_for_a_shell_is_printed() -> None:
    command = [sys.executable, "-m", "perdure_runtime.cli", "--show-completion", "bash"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert "_PERDURE_COMPLETE" in ran.stdout + ran.stderr
