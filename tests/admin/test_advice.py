"""What an invocation is told to do about it: in each status something else, and always something."""

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome
from perdure_runtime.admin.advice import advice
from perdure_runtime.admin.filters import OPEN
from perdure_runtime.admin.rows import Row
from perdure_runtime.storage.views import INVOCATION, Value

from tests.admin.naive import row_of

TRACEBACK = 'Traceback (most recent call last):\n  File "bank.py", line 7\nRuntimeError: the bank is\n closed\n'


def _row(**named: Value) -> Row:
    known: dict[str, Value] = {"id": "inv_1", "service": "shop.v1.Orders", "key": "ada", "attempt": 3}
    return Row(INVOCATION, row_of(INVOCATION, **(known | named)))


@pytest.mark.parametrize(
    ("row", "awaited", "says"),
    [
        (_row(status="scheduled", due_ms=8_000_000), (), "It starts in 1 h, at 1970-01-01 02:13:20 UTC. Cancel it"),
        (_row(status="scheduled", due_ms=1), (), "It starts now."),
        (_row(status="queued"), (), "It waits in line for key 'ada' of shop.v1.Orders"),
        (_row(status="running"), ("run 'charge'",), "Attempt 3 runs. It is at: run 'charge'."),
        (_row(status="running", failures=1, last_error="no"), (), "Before that: It has failed once, last with: no."),
        (_row(status="running", cancel=2), (), "It has been asked to end, and undoes what it did."),
        (
            _row(status="suspended"),
            ("sleep 5 ms", "call x/y"),
            "It waits for sleep 5 ms; call x/y, and takes",
        ),
        (_row(status="suspended"), (), "It waits for what its handler awaits"),
        (_row(status="suspended"), [f"run '{n}'" for n in range(9)], "run '4' and 4 more"),
        (
            _row(status="backing_off", due_ms=4_190_000, failures=4, last_error=TRACEBACK),
            (),
            "4 times in a row, last with: RuntimeError: the bank is closed. It is tried again in 3 min, at 1970",
        ),
        (_row(status="paused"), (), "An operator has paused it. It goes on with: perdure invocations resume inv_1."),
        (_row(status="paused", failures=2, last_error="no."), (), "then: perdure invocations resume inv_1 (where"),
        (
            _row(status="paused", failures=2, last_error="no", deployment_id="dp_1"),
            (),
            "resume inv_1 --on-newest, which goes on with the code of dp_2",
        ),
        (
            _row(status="paused", failures=1, last_error="journal mismatch at entry 3: the journal says sleep"),
            (),
            "The code does not repeat the journal that it has written before.",
        ),
        (_row(status="ended", outcome_code=0), (), "It has ended well."),
        (_row(status="ended", outcome_code=1), (), "It was cancelled."),
        (
            _row(
                status="ended",
                outcome_code=5,
                outcome=Outcome(failure=Failure(code=5, message="no order")).SerializeToString(),
            ),
            (),
            "an error that its handler meant to be final: no order. To run it again",
        ),
    ],
)
def test_it_says_what_it_does_and_what_to_do(row: Row, awaited: list[str], says: str) -> None:
    assert says in advice(row, 4_000_000, "dp_2", awaited)


@pytest.mark.parametrize("status", OPEN)
def test_what_nobody_serves_is_said_before_all_else(status: str) -> None:
    told = advice(_row(status=status), 0, None, ())
    assert told == "No deployment serves shop.v1.Orders: register one with perdure deployments register HOST:PORT."
    assert advice(_row(status=status), 0, "", ()) != told


def test_a_long_error_is_cut() -> None:
    assert len(advice(_row(status="paused", failures=1, last_error="x" * 10_000), 0, "dp_1", ())) < 1_000
