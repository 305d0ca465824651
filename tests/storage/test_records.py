"""How far sources have come, and what operators have defined and registered, in every adapter."""

from dataclasses import replace

import pytest
from perdure_runtime.partition.rows import LAST_MS
from perdure_runtime.partition.view import MarkDocument
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Database, DeploymentRow, StorageFailure
from perdure_runtime.storage.views import MARK

from tests.storage.homes import Home
from tests.storage.samples import bare, inserting, save


def test_a_source_is_as_far_as_its_last_mark(home: Home, storage: Database) -> None:
    save(storage, Writes(marks={(0, "topic/1"): 0, (0, "topic/2"): LAST_MS}))
    save(storage, Writes(marks={(0, "topic/1"): 7}))
    storage.close()
    storage = home.open()
    storage.acquire()
    marks = [storage.load(MarkDocument(0, source)) for source in ("topic/1", "topic/2", "topic/3")]
    assert marks == [7, LAST_MS, None]
    assert storage.scan(MARK) == [("topic/1", 0, 7), ("topic/2", 0, LAST_MS)]
    storage.close()


def test_a_mark_is_kept_with_its_batch_or_not_at_all(home: Home, storage: Database) -> None:
    save(storage, Writes(marks={(0, "topic/1"): 1}))
    new = inserting(bare("inv_1"))
    new.marks[0, "topic/1"] = 2
    new.state["s", "k", "a"] = b"1" * 10_000
    storage.stage(new)
    with home.failing(), pytest.raises(StorageFailure):
        storage.commit()
    assert storage.load(MarkDocument(0, "topic/1")) == 1
    save(storage, new)
    assert storage.load(MarkDocument(0, "topic/1")) == 2


def test_definitions_come_go_and_replace_each_other_by_kind_and_name(home: Home, storage: Database) -> None:
    storage.define("schedule", "nightly", b"1")
    storage.define("schedule", "hourly", b"\x00")
    storage.define("subscription", "nightly", b"")
    storage.define("schedule", "nightly", b"2")
    storage.close()
    storage = home.open()
    storage.acquire()
    assert storage.definitions("schedule") == {"hourly": b"\x00", "nightly": b"2"}
    assert storage.definitions("subscription") == {"nightly": b""}
    storage.define("schedule", "nightly", None)
    storage.define("schedule", "unknown", None)
    assert storage.definitions("schedule") == {"hourly": b"\x00"}
    assert storage.definitions("service_settings") == {}
    storage.close()


def test_deployments_are_kept_oldest_first_and_never_changed(home: Home, storage: Database) -> None:
    new = DeploymentRow("dp_2", "http://localhost:9081", ("shop.v1.OrderService", "shop.v1.UserAccount"), b"\x00d", 20)
    old = DeploymentRow("dp_3", "in-process", (), b"", 10)
    storage.add_deployment(new)
    storage.add_deployment(old)
    with pytest.raises(StorageFailure, match="adding a deployment failed"):
        storage.add_deployment(replace(new, address="http://localhost:9082"))
    storage.close()
    storage = home.open()
    storage.acquire()
    assert storage.deployments() == [old, new]
    storage.close()
