"""Acknowledged batches survive SIGKILL, whole; the one that was not acknowledged is there whole or not at all."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, Outcome, SetStateCommand
from perdure_runtime.partition.rows import Ended, Invocation, ObjectRow, Running, Timer, WakeDue
from perdure_runtime.partition.view import InvocationDocument, JournalDocument, ObjectDocument, StateDocument
from perdure_runtime.storage.api import Storage, StorageInUse

from tests.storage import committing_child
from tests.storage.committing_child import ROWS, VALUE
from tests.storage.conftest import make_home
from tests.storage.homes import Home, SqliteHome

ROUNDS = 5


def start_child(home: Home, number: int) -> "subprocess.Popen[str]":
    """A process that commits batches from this number on."""
    command = [sys.executable, committing_child.__file__, home.address, str(number)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def run_and_kill(home: Home, start: int, lines: int) -> int:
    """Kills a child after it printed so many lines, and returns the last number that it acknowledged."""
    with start_child(home, start) as child:
        assert child.stdout is not None
        printed = [child.stdout.readline() for _ in range(1 + lines)]
        # The child has gone on meanwhile: the kill hits it anywhere in a commit.
        child.kill()
        printed += child.stdout.readlines()
    assert printed[0] == "opening\n"
    # The kill can cut the last line short.
    whole = [int(line) for line in printed[1:] if line.endswith("\n")]
    assert whole == list(range(start, start + len(whole)))
    return whole[-1] if whole else start - 1


def last_stored(storage: Storage) -> int:
    state = storage.load(StateDocument("counter", "k"))
    assert isinstance(state, dict)
    return int(state["last"]) if state else -1


def assert_whole(storage: Storage, last: int) -> None:
    """All batches up to ``last`` are there, and nothing of any later one."""
    for number in range(last + 2):
        for n in range(ROWS):
            id = f"inv_{number:06}_{n}"
            row = storage.load(InvocationDocument(id))
            journal = storage.load(JournalDocument(id))
            if number > last:
                assert (row, journal) == (None, [])
                continue
            assert isinstance(row, Invocation)
            after = number + 1
            running = number == last
            assert row.status == (
                Running() if running else Ended(Outcome(value=str(after).encode()), after, after, after)
            )
            assert (row.created_at_ms, row.target.key, row.input) == (number, str(number), VALUE)
            assert journal == [Entry(set_state=SetStateCommand(name=str(number), value=VALUE))]
    holder = f"inv_{last:06}_0"
    assert storage.load(ObjectDocument("counter", "k")) == (ObjectRow(holder, last, last) if last >= 0 else None)
    assert storage.timers(-1, last + 10, None) == ([Timer(last, holder, WakeDue(0))] if last >= 0 else [])
    assert len(storage.active([0], "", 100)) == (ROWS if last >= 0 else 0)


@pytest.fixture(params=["sqlite", "postgres"])
def outliving(request: pytest.FixtureRequest) -> Home:
    """A home that outlives the process."""
    return make_home(request, request.param)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_process_loses_nothing_that_it_acknowledged(outliving: Home, seed: int) -> None:
    chance = random.Random(seed)
    start = 0
    # The first round is killed while it makes its tables, a later one surely after checkpoints.
    for lines in [0, *(chance.randrange(1, 60) for _ in range(ROUNDS - 2)), 150]:
        acknowledged = run_and_kill(outliving, start, lines)
        storage = outliving.open()
        # A server may still execute what the dead process had sent; once it is succeeded, no more.
        storage.acquire()
        stored = last_stored(storage)
        assert acknowledged <= stored <= acknowledged + 1
        assert_whole(storage, stored)
        storage.close()
        start = stored + 1
    assert start > 150


def test_a_process_that_runs_keeps_others_out_of_its_file(tmp_path: Path) -> None:
    home = SqliteHome(tmp_path)
    with start_child(home, 0) as child:
        assert child.stdout is not None
        assert [child.stdout.readline() for _ in range(2)] == ["opening\n", "0\n"]
        with pytest.raises(StorageInUse, match=f"process {child.pid}"):
            home.open()
        child.kill()
    home.open().close()
