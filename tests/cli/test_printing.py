"""What commands print: the same for terminals and pipes, and nothing that a terminal would obey."""

import json

import pytest
from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation
from perdure_runtime.cli.duration import show_duration
from perdure_runtime.cli.printable import printable
from perdure_runtime.cli.printing import facts, print_json, table

LONG = "inv_" + "0123456789" * 20


def test_in_a_pipe_nothing_is_cut_off(capsys: pytest.CaptureFixture[str]) -> None:
    table(("id", "status"), [(LONG, "paused"), ("inv_1", "running")])

    assert capsys.readouterr().out.splitlines() == [
        f"{'id':<204}  status",
        f"{LONG}  paused",
        f"{'inv_1':<204}  running",
    ]


def test_what_would_play_with_a_terminal_is_shown_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    facts("an error", {"last error": "\x1b[2Jgone\x07 [bold]not bold[/bold]"})

    assert capsys.readouterr().out.splitlines()[1] == r"  last error  \x1b[2Jgone\x07 [bold]not bold[/bold]"


def test_lines_of_a_text_stay_lines() -> None:
    assert printable("one\ntwo\r\n") == "one\ntwo\\r\n"


def test_a_fact_that_is_empty_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    facts("inv_1", {"key": "", "status": "paused"})

    assert capsys.readouterr().out.splitlines() == ["inv_1", "  status  paused"]


def test_json_has_the_names_of_the_contract_and_all_fields(capsys: pytest.CaptureFixture[str]) -> None:
    print_json(Invocation(id="inv_1", created_at_ms=5))
    printed = json.loads(capsys.readouterr().out)

    assert (printed["id"], printed["created_at_ms"], printed["last_error"]) == ("inv_1", "5", "")


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0, "0 ms"), (850, "850 ms"), (1_500, "1.5 s"), (65_000, "1m 5s"), (90_061_000, "1d 1h"), (3_600_000, "1h")],
)
def test_a_duration_is_shown_to_two_units(milliseconds: int, shown: str) -> None:
    assert show_duration(milliseconds) == shown
