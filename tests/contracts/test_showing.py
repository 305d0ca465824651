"""Payloads, steps and errors as people read them, by the contracts that there are."""

import json

import perdure
import pytest
from google.protobuf.any_pb2 import Any
from perdure.results import dump
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure
from perdure_runtime.contracts import Contracts
from perdure_runtime.contracts.showing import MOST_IN_LISTS, Showing, code_name, payload
from trial.v1 import CounterState, Text

from tests.admin.town import Counting, Questing, Trials
from tests.ingress.http import shop

TRIALS = Contracts.discovered(perdure.Endpoint(Trials(), Counting(), Questing()).discovery())
TRIAL, ORDERS = "trial.v1.Trial", "shop.v1.Orders"


def _showing(newest: Contracts = TRIALS, **deployments: Contracts) -> Showing:
    return Showing(newest, deployments.get)


def test_a_message_is_read_by_the_deployment_that_wrote_it_and_else_by_the_newest() -> None:
    showing = _showing(TRIALS, dp_old=shop.contracts())
    assert showing.request(ORDERS, "Process", "dp_old") is not None
    assert showing.request(ORDERS, "Process", "dp_gone") is None
    newest = showing.request(TRIAL, "First", "dp_old")
    assert newest is not None
    assert newest.name == "trial.v1.Text"


def test_what_is_longer_than_a_list_shows_is_named_with_its_size() -> None:
    shape = _showing().request(TRIAL, "First")
    assert shape is not None
    value = shape.from_json(json.dumps({"text": "x" * MOST_IN_LISTS}))
    shown = payload(shape, value)
    assert (shown.json, shown.raw, shown.size) == ("", b"", len(value))
    assert shown.problem == f"it has {len(value)} bytes, which is too long to show here"
    assert json.loads(payload(shape, value, most=10**6).json) == {"text": "x" * MOST_IN_LISTS}


def test_bytes_that_are_no_such_message_are_given_as_they_are() -> None:
    shown = payload(_showing().request(TRIAL, "First"), b"\xff")
    assert (shown.type, shown.raw) == ("trial.v1.Text", b"\xff")
    assert shown.problem.startswith("the bytes are no trial.v1.Text")


@pytest.mark.parametrize(
    ("result", "type", "shown"),
    [
        ({"paid": 3}, "", {"paid": 3}),
        (None, "", None),
        ("ä", "", "ä"),
        (b"\x01\x02", "bytes", "AQI="),
        (Text(text="x"), "trial.v1.Text", {"text": "x"}),
        (CounterState(value=2, last_reason="y"), "trial.v1.CounterState", {"value": "2", "last_reason": "y"}),
    ],
)
def test_the_result_of_a_step_is_shown_whatever_it_is(result: object, type: str, shown: object) -> None:
    step = _showing().step(dump(result, "step"), TRIAL, "")
    assert (step.type, json.loads(step.json)) == (type, shown)


def test_a_result_of_a_class_that_no_contract_has_is_given_as_it_is() -> None:
    shown = _showing(Contracts()).step(dump(Text(text="x"), "step"), TRIAL, "")
    assert (shown.json, shown.raw) == ("", b"\n\x01x")


def test_a_result_that_is_none_of_the_sdk_says_so() -> None:
    shown = _showing().step(b"\x80", TRIAL, "")
    assert (shown.json, shown.raw) == ("", b"\x80")
    assert shown.problem.startswith("it is no result as the Python SDK writes them")


def test_an_error_has_the_name_of_its_code_and_its_details() -> None:
    detail = Any(type_url="type.googleapis.com/trial.v1.Text", value=b"\n\x01x").SerializeToString()
    unknown = Any(type_url="type.googleapis.com/shop.v1.Lost", value=b"\n\x01x").SerializeToString()
    error = _showing().error(Failure(code=9, message="no", details=[detail, unknown, b"\xff"]), TRIAL)
    assert (error.code, error.name, error.message) == (9, "FAILED_PRECONDITION", "no")
    known, lost, broken = error.details
    assert (known.type, json.loads(known.json)) == ("trial.v1.Text", {"text": "x"})
    assert (lost.type, lost.problem) == ("shop.v1.Lost", "no registered deployment has shop.v1.Lost")
    assert broken.problem.startswith("it is no google.protobuf.Any")
    assert code_name(99) == "UNKNOWN"
