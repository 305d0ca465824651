"""Four workers on SQLite behind one address: real processes, real files, real signals."""

import os
import signal
import sqlite3
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import perdure
import pytest
from conformance.v1 import Contents, CupboardClient, Errand, Key, StepsClient, Text, WriterClient
from perdure_runtime.partition.placement import Placement

from examples.demo.processes import Service
from tests.conformance import town as towns
from tests.conformance.operator_desk import eventually
from tests.conformance.town import WORKERS, Town

PLACEMENT = Placement(64)
CUPBOARD = "conformance.v1.Cupboard"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """The handlers of the conformance suite on workers of their own."""
    with towns.workers(tmp_path) as running:
        yield running


@pytest.fixture
def supervisor(town: Town) -> Service:
    """The process that was started, and that started the workers."""
    assert town.runtime is not None
    return town.runtime


def data_of(town: Town, worker: int) -> Path:
    """The file of a worker."""
    return town.directory / "data" / f"perdure-{worker}.db"


def pid_of(town: Town, worker: int) -> int:
    """The process that has the file of a worker."""
    return int(data_of(town, worker).with_name(f"perdure-{worker}.db.lock").read_text())


def is_gone(pid: int) -> bool:
    """Whether a process has ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def names(count: int) -> list[str]:
    """Names that nobody else uses."""
    return [uuid.uuid4().hex for _ in range(count)]


def test_callers_reach_the_keys_of_all_workers_through_any_connection(town: Town) -> None:
    keys = names(40)
    with perdure.SyncClient(town.ingress) as client:
        for key in keys:
            CupboardClient(client, key).put(Contents(text=key))

    def take(key: str) -> str:
        # A connection of its own, to whichever worker the system gives it.
        with perdure.SyncClient(town.ingress) as client:
            return CupboardClient(client, key).take(Key()).text

    with ThreadPoolExecutor(8) as callers:
        assert list(callers.map(take, keys)) == keys
    kept = set()
    for worker in range(WORKERS):
        with closing(sqlite3.connect(f"file:{data_of(town, worker)}?mode=ro", uri=True)) as file:
            found = {key for (key,) in file.execute("SELECT key FROM state WHERE service = ?", (CUPBOARD,))}
        assert found == {key for key in keys if PLACEMENT.of_key(CUPBOARD, key) % WORKERS == worker}
        kept |= found
    assert kept == set(keys)


def test_a_handler_calls_the_keys_of_other_workers(town: Town) -> None:
    with perdure.SyncClient(town.ingress) as client:
        for diary in names(12):
            errand = Errand(diary, ["one", "two", "three"])
            assert WriterClient(client).by_turns(errand).texts == errand.texts


def test_the_calls_of_a_worker_that_is_killed_go_on_when_it_is_back(town: Town) -> None:
    scenes = names(12)
    with perdure.SyncClient(town.ingress) as client:
        send = StepsClient(client).chance_then_wait.send
        sent = {scene: send(Text(scene), idempotency_key=scene) for scene in scenes}
    drawn = {scene: town.stage.wait_for(scene, 2)[0] for scene in scenes}
    victim = PLACEMENT.of_invocation(sent[scenes[0]].invocation_id) % WORKERS
    pid = pid_of(town, victim)

    os.kill(pid, signal.SIGKILL)
    # Until it has gone the system may yet give it a caller.
    assert eventually(lambda: is_gone(pid))

    for scene in scenes:
        town.stage.answer_always(scene, "wait", "")
    with perdure.SyncClient(town.ingress) as client:
        results = {scene: client.handle(handle.invocation_id, Text).attach().text for scene, handle in sent.items()}
    # What was drawn before the kill is what came of it, and nothing was drawn twice.
    assert results == drawn
    assert all(town.stage.lines(scene).count(drawn[scene]) == 1 for scene in scenes)
    assert pid_of(town, victim) != pid


def test_workers_end_with_their_supervisor_without_an_error(town: Town, supervisor: Service) -> None:
    pids = [pid_of(town, worker) for worker in range(WORKERS)]
    process = supervisor.process
    assert process is not None

    supervisor.stop()

    assert process.returncode == 0
    assert all(map(is_gone, pids))
    assert "Traceback" not in supervisor.log.read_text()


def test_workers_end_when_their_supervisor_is_killed_and_their_data_are_there_for_the_next(
    town: Town, supervisor: Service
) -> None:
    pids = [pid_of(town, worker) for worker in range(WORKERS)]
    keys = names(8)
    with perdure.SyncClient(town.ingress) as client:
        for key in keys:
            CupboardClient(client, key).put(Contents(text=key))

    supervisor.kill()

    assert eventually(lambda: all(map(is_gone, pids)))
    supervisor.start()
    with perdure.SyncClient(town.ingress) as client:
        assert [CupboardClient(client, key).take(Key()).text for key in keys] == keys
