"""What is written of a run is what is read of it."""

from pathlib import Path

import pytest

from chaos import history, ledger
from chaos.history import Recorder
from tests.chaos import histories


def test_a_history_is_read_as_it_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    recorder = Recorder(path)
    for event in histories.events():
        recorder.add(event)
    recorder.close()

    assert list(history.read(path)) == recorder.events == histories.events()


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "ledger.jsonl"
    monkeypatch.setenv(ledger.VARIABLE, str(path))
    for line in histories.ledger():
        ledger.write(line)

    assert list(ledger.read(path)) == histories.ledger()


def test_a_ledger_that_nobody_wrote_has_no_lines(tmp_path: Path) -> None:
    assert list(ledger.read(tmp_path / "ledger.jsonl")) == []
