"""Whatever a node sends, and whenever: a machine takes it or raises ProtocolViolation, and nothing else."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from perdure.vm.errors import JournalMismatch, ProtocolViolation
from perdure.vm.machine import Machine
from perdure_protos.perdure.protocol.v1.journal_pb2 import Cancellation, Completion, Entry, Failure, StepFailure
from perdure_protos.perdure.protocol.v1.session_pb2 import Accepted, Grant, NodeFrame

from tests.partition.samples import EMAIL, call, clear_state, run, send, set_state, signal, sleep
from tests.vm.handler import Handler, Program
from tests.vm.node import deliver
from tests.vm.samples import (
    CLEAR_ALL,
    KEYS,
    await_signal,
    awakeable,
    cancellation,
    get_state,
    is_command,
    machine,
    state_value,
)

ordinals = st.one_of(st.integers(0, 6), st.integers(0, 2**32 - 1))
times = st.integers(-(2**63), 2**63 - 1)
completions = st.one_of(
    st.builds(Completion, command=ordinals, at_ms=times, value=st.sampled_from([b"", state_value(b"x")])),
    st.builds(Completion, command=ordinals, at_ms=times, failure=st.builds(Failure, code=st.integers(0, 20))),
    st.builds(Completion, command=ordinals),
)
commands = st.sampled_from(
    [
        *(call(EMAIL), send(EMAIL), sleep(97), run("a"), run("b"), set_state("balance", b"a"), clear_state("name")),
        *(CLEAR_ALL, KEYS, get_state("name"), awakeable("awk_a"), await_signal("a")),
    ]
)
entries = st.one_of(
    commands,
    st.builds(Entry, completion=completions),
    st.builds(Entry, step_failure=st.builds(StepFailure, command=ordinals, at_ms=times)),
    st.sampled_from([Entry(), signal("a"), cancellation()]),
)
frames = st.one_of(
    st.builds(NodeFrame, completion=completions),
    st.builds(NodeFrame, accepted=st.builds(Accepted, command=ordinals, at_ms=times)),
    st.builds(NodeFrame, grant=st.builds(Grant, command=ordinals)),
    st.builds(NodeFrame, cancellation=st.builds(Cancellation, at_ms=times)),
)


@given(journal=st.lists(entries, max_size=8))
def test_a_journal_is_taken_or_refused(journal: list[Entry]) -> None:
    with contextlib.suppress(ProtocolViolation):
        attempt = machine(*journal)
        assert attempt.replaying == any(map(is_command, journal))


@given(
    journal=st.lists(commands, max_size=4),
    partial=st.booleans(),
    seed=st.integers(0, 2**32),
    frames=st.lists(frames, max_size=12),
    data=st.data(),
)
def test_frames_are_taken_or_refused(
    journal: list[Entry], partial: bool, seed: int, frames: list[NodeFrame], data: st.DataObject
) -> None:
    attempt = machine(*journal, partial=partial)
    handler = Handler(attempt, Program(seed, length=12))
    for frame in frames:
        try:
            deliver(attempt, frame)
        except ProtocolViolation:
            return  # The shell ends the attempt.
        if data.draw(st.booleans()):
            try:
                handler.go_on()
            except JournalMismatch:
                return
        _run_steps(attempt, data)


def _run_steps(attempt: Machine, data: st.DataObject) -> None:
    for step in attempt.take_startable():
        if data.draw(st.booleans()):
            attempt.step_failed(step, "timeout", at_ms=1)
        if data.draw(st.booleans()):
            attempt.step_ended(step, b"", at_ms=1)
