"""What a person sees: colours, bars, and tables that fit; a pipe gets none of these."""

import re

from tests.cli.handlers import REFUSED
from tests.cli.terminal import in_terminal
from tests.cli.town import Town

ESCAPE = "\x1b["
RED = "\x1b[31m"
SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
MAIL = "mail.v1.MailService"


def test_a_table_fits_into_a_narrow_terminal_and_ids_stay_whole(there: Town) -> None:
    refused = there.mail(REFUSED, "ended")
    shown = in_terminal(80, "invocations", "list", "--limit", "1", "--admin", there.admin)

    lines = [SEQUENCE.sub("", line) for line in shown.splitlines()]
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(refused) for line in lines)


def test_colours_are_for_terminals_that_want_them(there: Town) -> None:
    there.mail(REFUSED, "ended")
    asked = ("invocations", "list", "--limit", "1", "--admin", there.admin)

    assert f"{RED}failed" in in_terminal(200, *asked)
    assert RED not in in_terminal(200, *asked, environment={"NO_COLOR": "1"})
    assert ESCAPE not in there.perdure(*asked).out


def test_long_work_shows_a_bar_on_a_terminal(there: Town) -> None:
    there.says("invocations", "purge", "--service", MAIL, "--yes")
    for _ in range(3):
        there.mail("purged", "ended")
    shown = in_terminal(100, "invocations", "purge", "--service", MAIL, "--yes", "--admin", there.admin)

    assert "━" in shown
    assert "3/3" in shown
    assert "3 invocations are forgotten" in shown


def test_a_pipe_gets_no_bar(there: Town) -> None:
    there.mail("purged", "ended")
    ran = there.perdure("invocations", "purge", "--service", MAIL, "--yes")

    assert (ran.exit_code, ran.err) == (0, "")
