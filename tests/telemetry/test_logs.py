"""Log lines: one form for all that logs, with what is known where they are written, and without secrets."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
import structlog
from perdure_runtime.telemetry.logs import configure_logs
from perdure_runtime.telemetry.masking import MASK, masked_text
from perdure_runtime.telemetry.settings import LogSettings


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Puts the logging of the test run back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(out: StringIO) -> list[dict[str, Any]]:
    """What was written."""
    return [json.loads(line) for line in out.getvalue().splitlines()]


def as_json(**options: Any) -> StringIO:
    """Logs of JSON, and where they go."""
    out = StringIO()
    configure_logs(LogSettings(format="json"), stream=out, **options)
    return out


def test_a_line_says_when_how_bad_who_and_what() -> None:
    out = as_json()
    logging.getLogger("perdure_runtime.node").warning("%d partitions are lost", 3)

    (line,) = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "warning", "logger": "perdure_runtime.node", "event": "3 partitions are lost"}


def test_lines_of_structlog_are_like_those_of_the_standard_library() -> None:
    out = as_json()
    structlog.get_logger("shop").info("charged", amount=3)

    (line,) = lines(out)
    assert (line["logger"], line["level"], line["event"], line["amount"]) == ("shop", "info", "charged", 3)


def test_what_is_bound_and_what_is_extra_are_fields() -> None:
    out = as_json(fields=[lambda: {"handler": "shop.v1.Orders/Process"}])
    structlog.contextvars.bind_contextvars(node="a")
    logging.getLogger("x").info("here", extra={"partition": 7})

    (line,) = lines(out)
    assert (line["node"], line["partition"], line["handler"]) == ("a", 7, "shop.v1.Orders/Process")


def test_what_a_line_says_itself_wins_over_what_is_known_at_its_place() -> None:
    out = as_json(fields=[lambda: {"invocation_id": "inv_outer"}])
    structlog.get_logger("x").info("here", invocation_id="inv_inner")

    assert lines(out)[0]["invocation_id"] == "inv_inner"


def test_levels_below_the_least_are_left_out() -> None:
    out = StringIO()
    configure_logs(LogSettings(format="json", level="warning"), stream=out)
    logging.getLogger("x").info("not this")
    structlog.get_logger("x").info("nor this")
    logging.getLogger("x").error("this")

    assert [line["event"] for line in lines(out)] == ["this"]


def test_users_lines_are_left_out_while_quiet_and_perdures_are_not() -> None:
    out = as_json(quiet=[lambda: True])
    logging.getLogger("shop").info("again")
    logging.getLogger("perdure").info("replayed")
    logging.getLogger("perdure_runtime.node").info("started")

    assert [line["event"] for line in lines(out)] == ["replayed", "started"]


def test_text_for_people_has_one_line_with_the_fields() -> None:
    out = StringIO()
    configure_logs(LogSettings(), stream=out)
    logging.getLogger("shop").info("charged", extra={"invocation_id": "inv_1"})

    (line,) = out.getvalue().splitlines()
    assert "charged" in line
    assert "invocation_id=inv_1" in line


def test_setting_up_twice_writes_each_line_once() -> None:
    as_json()
    out = as_json()
    logging.getLogger("x").info("once")

    assert len(lines(out)) == 1


@pytest.mark.parametrize("format", ["json", "text"])
def test_a_traceback_is_written_without_the_secrets_in_it(format: Any) -> None:
    out = StringIO()
    configure_logs(LogSettings(format=format), stream=out)
    try:
        raise ValueError("cannot connect to postgresql://perdure:hunter2@db/perdure")
    except ValueError:
        logging.getLogger("x").exception("no database")

    assert "ValueError" in out.getvalue()
    assert "postgresql://perdure:***@db/perdure" in out.getvalue()
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize("name", ["authorization", "Authorization", "api_key", "x-api-key", "password", "db_password"])
def test_fields_that_hold_secrets_are_masked(name: str) -> None:
    out = as_json()
    structlog.get_logger("x").info("called", **{name: "hunter2"}, headers={name: "hunter2", "accept": "json"})

    (line,) = lines(out)
    assert line[name] == MASK
    assert line["headers"] == {name: MASK, "accept": "json"}


@pytest.mark.parametrize(
    "text",
    [
        "authorization: Bearer hunter2.abc-def",
        "Basic aHVudGVyMjpodW50ZXIy",
        "the key pk_ab12_hunter2HUNTER2 is not known",
        "eyJhbGciOiJIUzI1NiJ9.eyJodW50ZXIyIjoxfQ.c2lnbmF0dXJl",
        "nats://user:hunter2@localhost",
        "password=hunter2 host=db",
        "api_key: hunter2",
        '{"db_password": "hunter2", "user": "perdure"}',
    ],
)
def test_secrets_within_a_sentence_are_masked(text: str) -> None:
    out = as_json()
    logging.getLogger("x").warning("refused %s", text)

    event = lines(out)[0]["event"]
    assert MASK in event
    for secret in ("hunter2", "aHVudGVyMj", "HUNTER2", "eyJhbGci", "c2lnbmF0dXJl"):
        assert secret not in event


def test_a_sentence_without_secrets_stays_as_it_is() -> None:
    out = as_json()
    sentence = (
        "endpoint http://localhost:9080: basic checks of the bearer are done; its bucket holds 3 secrets, no token"
    )
    logging.getLogger("x").info(sentence)

    assert lines(out)[0]["event"] == sentence


@pytest.mark.parametrize(
    "piece", ["a-", "a.", "eyJ-", "eyJ.", "pk_a-", "a://a", "bearer ", "token ", "password =\n", " "]
)
def test_a_long_text_of_strangers_is_looked_through_in_one_go(piece: str) -> None:
    text = piece * 200_000 + " pk_ab12_hunter2"

    assert masked_text(text).endswith(" pk_ab12_***")
