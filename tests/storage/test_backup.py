"""Backups of data directories: whole, of one moment, checked, and restored only where nothing is lost by it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from perdure_runtime.partition.placement import Placement
from perdure_runtime.partition.view import StateDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import StorageFailure, StorageForeign
from perdure_runtime.storage.sqlite import SqliteStorage, connection, schema
from perdure_runtime.storage.sqlite.backup import PAGES, backup, restore

from tests.storage.samples import save

FILES = 2
PLACEMENT = Placement(FILES)
# The first key of service "s" in each file.
KEYS = [next(f"k{n}" for n in range(99) if PLACEMENT.of_key("s", f"k{n}") == file) for file in range(FILES)]


def opened(directory: Path, file: int) -> SqliteStorage:
    storage = SqliteStorage(directory / f"perdure-{file}.db", PLACEMENT, FILES, file)
    storage.acquire()
    return storage


def put(storages: list[SqliteStorage], value: bytes) -> None:
    """The same value in all files."""
    for key, storage in zip(KEYS, storages, strict=True):
        save(storage, Writes(state={("s", key, "n"): value}))


def values_in(directory: Path) -> list[object]:
    """What ``put`` put there, as a node finds it."""
    found: list[object] = []
    for file, key in enumerate(KEYS):
        with closing(opened(directory, file)) as storage:
            found.append(storage.load(StateDocument("s", key)))
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    directory = tmp_path / "data"
    directory.mkdir()
    return directory


@pytest.fixture
def workers(data: Path) -> Iterator[list[SqliteStorage]]:
    """Workers that run, with more in each of their files than is copied at once."""
    storages = [opened(data, file) for file in range(FILES)]
    for key, storage in zip(KEYS, storages, strict=True):
        save(storage, Writes(state={("s", key, "much"): bytes(2 * PAGES * connection.PAGE_BYTES)}))
        save(storage, Writes(state={("s", key, "much"): None}))
    put(storages, b"before")
    yield storages
    for storage in storages:
        storage.close()


def ignore(done: int, total: int) -> None:
    """Nobody looks."""


def test_a_copy_of_several_files_is_of_one_moment(tmp_path: Path, data: Path, workers: list[SqliteStorage]) -> None:
    steps: list[tuple[int, int]] = []

    def write_more(done: int, total: int) -> None:
        put(workers, b"after %d" % len(steps))
        steps.append((done, total))

    copies = backup(data, tmp_path / "saved", write_more)
    assert [copy.name for copy in copies] == ["perdure-0.db", "perdure-1.db"]
    assert values_in(tmp_path / "saved") == [{"n": b"before"}] * 2
    # Its workers have gone on meanwhile.
    last = b"after %d" % (len(steps) - 1)
    assert [workers[n].load(StateDocument("s", KEYS[n])) for n in range(FILES)] == [{"n": last}] * 2
    assert len(steps) > FILES
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_a_copy_has_one_file_of_each_and_nothing_else(tmp_path: Path, data: Path, workers: list[SqliteStorage]) -> None:
    copies = backup(data, tmp_path / "a" / "saved", ignore)
    assert sorted((tmp_path / "a" / "saved").iterdir()) == copies


def test_a_directory_that_nobody_uses_can_be_copied_too(tmp_path: Path, data: Path) -> None:
    storages = [opened(data, file) for file in range(FILES)]
    put(storages, b"1")
    for storage in storages:
        storage.close()
    backup(data, tmp_path / "saved", ignore)
    assert values_in(tmp_path / "saved") == [{"n": b"1"}] * 2


def test_what_is_restored_is_what_was_saved(tmp_path: Path, data: Path, workers: list[SqliteStorage]) -> None:
    backup(data, tmp_path / "saved", ignore)
    put(workers, b"lost")
    files = restore(tmp_path / "saved", tmp_path / "restored", ignore)
    assert [file.parent for file in files] == [tmp_path / "restored"] * FILES
    assert values_in(tmp_path / "restored") == [{"n": b"before"}] * 2
    # The backup stays as it is, and can be restored again.
    restore(tmp_path / "saved", tmp_path / "again", ignore)


def test_a_node_alone_has_one_file(tmp_path: Path, data: Path) -> None:
    with closing(SqliteStorage(data / "perdure.db")) as storage:
        storage.acquire()
        save(storage, Writes(state={("s", "k", "n"): b"1"}))
        assert backup(data, tmp_path / "saved", ignore) == [tmp_path / "saved" / "perdure.db"]
    with closing(SqliteStorage(tmp_path / "saved" / "perdure.db")) as storage:
        storage.acquire()
        assert storage.load(StateDocument("s", "k")) == {"n": b"1"}


@pytest.mark.parametrize("copy", [backup, restore])
def test_nothing_is_written_over(tmp_path: Path, data: Path, workers: list[SqliteStorage], copy: type) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "letter.txt").write_text("dear")
    for target in (kept, data):
        with pytest.raises(StorageFailure, match="is not empty: name a new directory"):
            copy(data, target, ignore)
    assert [file.name for file in kept.iterdir()] == ["letter.txt"]


def test_a_directory_without_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure, match="nowhere has no data of perdure in it: name the directory"):
        backup(tmp_path / "nowhere", tmp_path / "saved", ignore)


def test_a_cluster_of_which_a_file_is_missing_is_refused(
    tmp_path: Path, data: Path, workers: list[SqliteStorage]
) -> None:
    backup(data, tmp_path / "saved", ignore)
    (tmp_path / "saved" / "perdure-1.db").unlink()
    with pytest.raises(StorageFailure, match=r"perdure-0\.db is file 0 of 2 for 2 partitions$"):
        restore(tmp_path / "saved", tmp_path / "restored", ignore)
    assert list((tmp_path / "restored").iterdir()) == []


def test_a_damaged_backup_is_not_restored(tmp_path: Path, data: Path, workers: list[SqliteStorage]) -> None:
    (first, _) = backup(data, tmp_path / "saved", ignore)
    with closing(sqlite3.connect(first)) as reader:
        ((page,),) = reader.execute("SELECT rootpage FROM sqlite_master WHERE name = 'state'").fetchall()
    with first.open("r+b") as file:
        file.seek((page - 1) * connection.PAGE_BYTES)
        file.write(b"\xff" * connection.PAGE_BYTES)
    with pytest.raises(StorageFailure, match=r"damaged|malformed"):
        restore(tmp_path / "saved", tmp_path / "restored", ignore)
    assert list((tmp_path / "restored").iterdir()) == []


def test_a_backup_of_a_newer_perdure_is_refused(
    tmp_path: Path, data: Path, workers: list[SqliteStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(data, tmp_path / "saved", ignore)
    monkeypatch.setattr(schema, "MIGRATIONS", schema.MIGRATIONS[:-1])
    with pytest.raises(StorageForeign, match="or a newer one"):
        restore(tmp_path / "saved", tmp_path / "restored", ignore)


def test_a_file_that_stays_locked_is_not_waited_for_without_end(
    tmp_path: Path, data: Path, workers: list[SqliteStorage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BUSY_TIMEOUT_S", 0.01)
    workers[1].stage(Writes(state={("s", KEYS[1], "n"): b"staged"}))
    with pytest.raises(StorageFailure, match=r"locking for a moment failed on .*perdure-1\.db: database is locked"):
        backup(data, tmp_path / "saved", ignore)
    # And keeps nobody from writing.
    workers[1].commit()
    save(workers[0], Writes(state={("s", KEYS[0], "n"): b"1"}))


def test_a_copy_that_fails_half_way_leaves_nothing(tmp_path: Path, data: Path, workers: list[SqliteStorage]) -> None:
    def fail(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(data, tmp_path / "saved", fail)
    assert list((tmp_path / "saved").iterdir()) == []


def test_a_backup_can_be_read_where_nothing_can_be_written(
    tmp_path: Path, data: Path, workers: list[SqliteStorage]
) -> None:
    for copy in backup(data, tmp_path / "saved", ignore):
        with closing(sqlite3.connect(f"{copy.as_uri()}?mode=ro", uri=True)) as reader:
            assert reader.execute("PRAGMA journal_mode").fetchall() == [("delete",)]
