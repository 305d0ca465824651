"""Workers of one machine: each has a file of its own, and sees what it must of the others'."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from perdure_runtime.partition import ids
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import DeploymentRow, StorageFailure, StorageForeign, Usage
from perdure_runtime.storage.merged import MergedSurvey
from perdure_runtime.storage.sqlite import SqliteRegistry, SqliteStorage, SqliteSurvey, schema
from perdure_runtime.storage.sqlite import survey as survey_module

from tests.storage.samples import TARGET, bare, ended, entries, inserting, save

PARTITIONS = Placement(8)
FILES = 2
DEPLOYMENT = DeploymentRow("dp_1", "localhost:9080", ("shop.v1.OrderService",), b"d", 1)


def path_of(directory: Path, file: int) -> Path:
    return directory / f"perdure-{file}.db"


def opened(directory: Path, file: int) -> SqliteStorage:
    """The storage of one worker, with its partitions."""
    storage = SqliteStorage(path_of(directory, file), PARTITIONS, FILES, file)
    storage.acquire()
    return storage


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[list[SqliteStorage]]:
    """All of them."""
    storages = [opened(tmp_path, file) for file in range(FILES)]
    yield storages
    for storage in storages:
        storage.close()


@pytest.fixture
def survey(tmp_path: Path) -> MergedSurvey:
    return MergedSurvey([SqliteSurvey(path_of(tmp_path, file)) for file in range(FILES)])


def id_in(partition: int, number: int) -> str:
    return ids.mint(number, 0, partition * (1 << 16) // PARTITIONS.partitions)


def test_each_worker_owns_the_partitions_of_its_file(workers: list[SqliteStorage]) -> None:
    assert workers[0].acquire() == dict.fromkeys((0, 2, 4, 6), 2)
    assert workers[1].acquire() == dict.fromkeys((1, 3, 5, 7), 2)


@pytest.mark.parametrize(
    ("placement", "files", "file"),
    [(Placement(16), 2, 0), (PARTITIONS, 4, 0), (PARTITIONS, 2, 1), (Placement(1), 1, 0)],
)
def test_a_file_cannot_become_another_part(tmp_path: Path, placement: Placement, files: int, file: int) -> None:
    opened(tmp_path, 0).close()
    with pytest.raises(StorageForeign, match=r"was made as file 0 of 2 for 8 partitions, .* as many workers"):
        SqliteStorage(path_of(tmp_path, 0), placement, files, file)
    opened(tmp_path, 0).close()


def test_a_plain_file_has_all_of_one_partition(tmp_path: Path) -> None:
    path = tmp_path / "perdure.db"
    SqliteStorage(path).close()
    with pytest.raises(StorageForeign, match="was made as file 0 of 1 for 1 partitions"):
        SqliteStorage(path, PARTITIONS, FILES, 0)
    plain = SqliteStorage(path)
    assert plain.acquire() == {0: 1}
    plain.close()


def test_an_older_file_that_is_refused_stays_as_it_is(tmp_path: Path) -> None:
    path = path_of(tmp_path, 0)
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE perdure_schema (version INTEGER NOT NULL) STRICT")
    connection.execute("INSERT INTO perdure_schema (version) VALUES (1)")
    for statement in schema.MIGRATIONS[0]:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(StorageForeign):
        opened(tmp_path, 0)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version FROM perdure_schema").fetchall() == [(1,)]
    connection.close()
    SqliteStorage(path).close()


def test_workers_see_and_change_the_deployments_of_the_first_file(tmp_path: Path, workers: list[SqliteStorage]) -> None:
    registry = SqliteRegistry(path_of(tmp_path, 0))
    registry.add_deployment(DEPLOYMENT)
    assert workers[0].deployments() == registry.deployments() == [DEPLOYMENT]
    workers[0].add_deployment(replace(DEPLOYMENT, id="dp_2"))
    assert [row.id for row in registry.deployments()] == ["dp_1", "dp_2"]
    with pytest.raises(StorageFailure, match="adding a deployment failed"):
        registry.add_deployment(DEPLOYMENT)
    registry.remove_deployment("dp_1")
    registry.remove_deployment("dp_7")
    assert [row.id for row in workers[0].deployments()] == ["dp_2"]
    assert workers[1].deployments() == []


def test_deployments_are_read_while_a_batch_is_staged_and_changed_after_it(
    tmp_path: Path, workers: list[SqliteStorage]
) -> None:
    workers[0].stage(inserting(bare(id_in(0, 0))))
    registry = SqliteRegistry(path_of(tmp_path, 0))
    # What others read meanwhile is what was durable before.
    assert registry.deployments() == []
    workers[0].commit()
    registry.add_deployment(DEPLOYMENT)
    assert workers[0].deployments() == [DEPLOYMENT]


def test_other_workers_wait_for_the_first_to_make_its_file(tmp_path: Path) -> None:
    registry = SqliteRegistry(path_of(tmp_path, 0))
    with pytest.raises(StorageFailure, match=r"reading deployments failed: .*perdure-0\.db is not there yet"):
        registry.deployments()
    assert not path_of(tmp_path, 0).exists()
    path_of(tmp_path, 0).touch()
    with pytest.raises(StorageFailure, match=r"has no tables yet; the first worker makes them, try again"):
        registry.add_deployment(DEPLOYMENT)
    opened(tmp_path, 0).close()
    assert registry.deployments() == []


def test_a_survey_sees_all_files(workers: list[SqliteStorage], survey: MergedSurvey) -> None:
    def place(number: int) -> str:
        return id_in(number % PARTITIONS.partitions, number)

    open_rows = [replace(bare(place(n)), target=TARGET, deployment_id="dp_1") for n in range(6)]
    over = [ended(place(n), 5) for n in range(6, 12)]
    for n, row in enumerate((*open_rows, *over)):
        batch = inserting(row)
        batch.journal[row.id, 0] = entries(1)[0]
        save(workers[n % FILES], batch)
        key = f"k{n}"
        at = PARTITIONS.of_key(TARGET.service, key) % FILES
        save(workers[at], Writes(state={(TARGET.service, key, "balance"): b"1"}))
    assert survey.in_flight("dp_1", 4) == open_rows[:4]
    assert survey.ended(TARGET.service, 3) == [over[5], over[4], over[3]]
    assert survey.usage(TARGET.service) == Usage({"balance": 12}, {TARGET.handler: 6})
    assert survey.entries(place(7)) == entries(1)
    assert survey.entries("inv_unknown") == []


def test_a_file_that_is_not_there_yet_has_nothing(tmp_path: Path, survey: MergedSurvey) -> None:
    assert survey.usage(TARGET.service) == Usage({}, {})
    path_of(tmp_path, 0).touch()
    assert survey.ended(TARGET.service, 9) == []
    storage = opened(tmp_path, 1)
    row = replace(bare(id_in(1, 1)), deployment_id="dp_1")
    save(storage, inserting(row))
    assert survey.in_flight("dp_1", 9) == [row]
    storage.close()
    # Also once its worker has gone.
    assert survey.in_flight("dp_1", 9) == [row]
    assert not path_of(tmp_path, 0).stat().st_size


def test_a_survey_names_a_file_that_its_worker_must_renew_first(
    tmp_path: Path, survey: MergedSurvey, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(tmp_path, 1).close()
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, ("CREATE TABLE later (name TEXT) STRICT",)))
    monkeypatch.setattr(survey_module, "MIGRATIONS", schema.MIGRATIONS)
    with pytest.raises(StorageFailure, match=r"perdure-1\.db is of an older perdure yet; start its worker"):
        survey.usage("s")
