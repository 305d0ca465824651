"""What `perdure dev` tells of invocations: one line when one ends, or when an attempt of it fails."""

import logging
import re
import sys
import time
from collections.abc import Sequence

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Failure, Outcome, Target
from perdure_protos.perdure.protocol.v1.session_pb2 import (
    AttemptFailure,
    EndpointFrame,
    NodeFrame,
    Start,
    Suspension,
)
from perdure_runtime.cli.narrating import FirstAttempts, Narrator

COLOURS = re.compile("\x1b\\[[0-9;]*m")
START = Start(
    invocation_id="inv_1",
    attempt=1,
    target=Target(service="shop.v1.Orders", handler="Place", key="o-1"),
    created_at_ms=1_000,
)


class Handlers:
    """An endpoint's side of a session that does nothing by itself."""

    def __init__(self) -> None:
        self.received: list[NodeFrame] = []
        self.closed = False

    def receive(self, frames: Sequence[NodeFrame]) -> None:
        self.received += frames

    async def close(self) -> None:
        self.closed = True


class Stage:
    """A session that is told of, at a time that the test says."""

    def __init__(self) -> None:
        self.now_ms = 2_000.0
        self.told: list[str] = []
        self.sent: list[EndpointFrame] = []
        self.handlers = Handlers()
        narrator = Narrator(lambda line: self.told.append(COLOURS.sub("", line)), lambda: self.now_ms)
        self.session = narrator.session(self._open, self.sent.extend)

    def _open(self, send: object) -> Handlers:
        assert callable(send)
        self._send = send
        return self.handlers

    def start(self, slot: int, attempt: int = 1) -> None:
        """The node starts an attempt."""
        start = Start()
        start.CopyFrom(START)
        start.attempt = attempt
        self.session.receive([NodeFrame(slot=slot, start=start)])

    def say(self, frame: EndpointFrame) -> None:
        """The handlers send a frame."""
        self._send([frame])


def at(now_ms: float) -> str:
    """The time of day that a line begins with."""
    return time.strftime("%H:%M:%S", time.localtime(now_ms / 1_000))


def test_an_invocation_that_ends_is_one_line() -> None:
    stage = Stage()
    stage.start(1)
    stage.now_ms += 12
    stage.say(EndpointFrame(slot=1, outcome=Outcome(value=b"")))
    assert stage.told == [f"{at(2_012)}  Orders/Place  o-1  12 ms  succeeded  inv_1"]


def test_a_terminal_error_is_told_in_that_line() -> None:
    stage = Stage()
    stage.start(1)
    stage.say(EndpointFrame(slot=1, outcome=Outcome(failure=Failure(code=5, message="no such\norder"))))
    assert stage.told == [f"{at(2_000)}  Orders/Place  o-1  0 ms  failed  NOT_FOUND: no such order  inv_1"]


def test_an_attempt_that_fails_is_one_line() -> None:
    stage = Stage()
    stage.start(1, attempt=3)
    stage.say(EndpointFrame(slot=1, attempt_failure=AttemptFailure(message="ValueError: no", stacktrace="Traceback …")))
    assert stage.told == [f"{at(2_000)}  Orders/Place  o-1  attempt 3 failed  ValueError: no  inv_1"]


def test_a_journal_that_is_not_repeated_is_told_to_pause() -> None:
    stage = Stage()
    stage.start(1)
    stage.say(EndpointFrame(slot=1, attempt_failure=AttemptFailure(message="mismatch", journal_mismatch=True)))
    assert stage.told == [f"{at(2_000)}  Orders/Place  o-1  paused  mismatch  inv_1"]


def test_an_invocation_that_was_suspended_is_told_at_its_end_with_all_of_its_time() -> None:
    stage = Stage()
    stage.start(1)
    stage.say(EndpointFrame(slot=1, suspension=Suspension(awaiting=[0])))
    stage.now_ms += 3_000
    stage.start(2, attempt=2)
    stage.say(EndpointFrame(slot=2, outcome=Outcome(value=b"")))
    assert stage.told == [f"{at(5_000)}  Orders/Place  o-1  3.0 s  succeeded  inv_1"]


def test_one_that_began_in_an_earlier_process_has_run_since_it_was_accepted() -> None:
    stage = Stage()
    stage.start(1, attempt=2)
    stage.say(EndpointFrame(slot=1, outcome=Outcome(value=b"")))
    assert stage.told == [f"{at(2_000)}  Orders/Place  o-1  1.0 s  succeeded  inv_1"]


def test_frames_pass_as_they_are() -> None:
    stage = Stage()
    stage.start(1)
    frame = EndpointFrame(slot=1, outcome=Outcome(value=b"x"))
    stage.say(frame)
    assert stage.sent == [frame]
    assert [each.slot for each in stage.handlers.received] == [1]


def test_of_an_invocation_that_keeps_failing_one_traceback_is_written() -> None:
    try:
        raise ValueError("no")
    except ValueError:
        error = sys.exc_info()
    records = [logging.LogRecord("perdure", logging.WARNING, "", 0, "failed", (), error) for _ in range(3)]
    for attempt, record in enumerate(records, 1):
        record.attempt = attempt
    assert [FirstAttempts().filter(record) for record in records] == [True, False, False]


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_handlers_log_themselves_is_written_at_each_attempt(attempt: int) -> None:
    record = logging.LogRecord("perdure", logging.INFO, "", 0, "said", (), None)
    record.attempt = attempt
    assert FirstAttempts().filter(record)
