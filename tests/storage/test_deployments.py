"""Deployments in every store: which there are, what each has begun, and what is there of a service."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from perdure_runtime.partition.rows import Ended, Invocation, Target
from perdure_runtime.partition.writes import Writes
from perdure_runtime.storage.api import Database, DeploymentRow, Usage

from tests.storage.homes import Home
from tests.storage.samples import STATUSES, TARGET, bare, changing, ended, entries, inserting, invocation, save

OLD = DeploymentRow("dp_1", "localhost:9080", ("shop.v1.OrderService",), b"\x00d", 10, sdk_version="1.2")
NEW = DeploymentRow("dp_2", "localhost:9081", ("shop.v1.OrderService",), b"\x00e", 20)


def pinned(id: str, deployment_id: str = "dp_1") -> Invocation:
    """An invocation whose journal a deployment wrote."""
    return replace(bare(id), deployment_id=deployment_id)


def with_journals(*rows: Invocation) -> Writes:
    """New invocations, each with a journal."""
    writes = inserting(*rows)
    writes.journal = {(row.id, 0): entries(1)[0] for row in rows}
    return writes


def ids(rows: list[Invocation]) -> list[str]:
    """Their ids, in their order."""
    return [row.id for row in rows]


def test_a_removed_deployment_is_gone_for_good(home: Home, storage: Database) -> None:
    storage.add_deployment(OLD)
    storage.add_deployment(NEW)
    storage.remove_deployment(OLD.id)
    assert storage.deployments() == [NEW]
    storage.close()
    again = home.open()
    assert again.deployments() == [NEW]
    again.close()


def test_removing_a_deployment_that_is_not_there_is_no_error(storage: Database) -> None:
    storage.add_deployment(OLD)
    storage.remove_deployment("dp_7")
    storage.remove_deployment(OLD.id)
    storage.remove_deployment(OLD.id)
    assert storage.deployments() == []


def test_an_id_that_was_removed_may_be_added_again(storage: Database) -> None:
    storage.add_deployment(OLD)
    storage.remove_deployment(OLD.id)
    storage.add_deployment(replace(OLD, address="localhost:9082"))
    assert [row.address for row in storage.deployments()] == ["localhost:9082"]


def test_a_deployment_moves_where_it_is_yet_at_its_old_address(storage: Database) -> None:
    storage.add_deployment(OLD)
    storage.add_deployment(NEW)
    assert storage.move_deployment(OLD.id, OLD.address, "localhost:1,localhost:2")
    assert not storage.move_deployment(OLD.id, OLD.address, "localhost:3")
    assert not storage.move_deployment("dp_7", OLD.address, "localhost:3")
    assert storage.deployments() == [replace(OLD, address="localhost:1,localhost:2"), NEW]


def test_deployments_and_surveys_are_for_any_thread(storage: Database) -> None:
    storage.add_deployment(OLD)
    save(storage, with_journals(pinned("inv_1")))
    with ThreadPoolExecutor(4) as threads:
        told = [threads.submit(lambda: (storage.deployments(), storage.in_flight("dp_1", 9))) for _ in range(40)]
        for number in range(20):
            save(storage, Writes(state={("s", "k", "a"): b"%d" % number}))
        assert all(each.result() == ([OLD], [pinned("inv_1")]) for each in told)


def test_what_a_deployment_has_begun_comes_whole_and_in_order_of_id(storage: Database) -> None:
    row = replace(invocation("inv_2"), deployment_id="dp_1")
    save(storage, inserting(pinned("inv_3"), row, pinned("inv_1"), pinned("inv_4", "dp_2"), bare("inv_5")))
    assert storage.in_flight("dp_1", 10) == [pinned("inv_1"), row, pinned("inv_3")]


def test_no_more_work_of_a_deployment_comes_than_was_asked_for(storage: Database) -> None:
    save(storage, inserting(*(pinned(f"inv_{number}") for number in range(5))))
    assert ids(storage.in_flight("dp_1", 2)) == ["inv_0", "inv_1"]


def test_only_what_has_not_ended_is_in_flight(storage: Database) -> None:
    rows = [replace(bare(f"inv_{n}", status), deployment_id="dp_1") for n, status in enumerate(STATUSES)]
    save(storage, inserting(*rows))
    assert storage.in_flight("dp_1", 100) == [row for row in rows if not isinstance(row.status, Ended)]


def test_an_invocation_that_ends_is_no_longer_in_flight(storage: Database) -> None:
    save(storage, inserting(pinned("inv_1"), pinned("inv_2")))
    save(storage, changing(replace(pinned("inv_1"), status=STATUSES[-1])))
    assert ids(storage.in_flight("dp_1", 10)) == ["inv_2"]


def test_an_invocation_moves_with_the_deployment_that_writes_its_journal(storage: Database) -> None:
    save(storage, inserting(bare("inv_1")))
    save(storage, changing(pinned("inv_1", "dp_1")))
    save(storage, changing(pinned("inv_1", "dp_2")))
    assert storage.in_flight("dp_1", 10) == []
    assert ids(storage.in_flight("dp_2", 10)) == ["inv_1"]


def test_ended_invocations_of_a_service_come_newest_first(storage: Database) -> None:
    rows = [ended(f"inv_{number}", 100) for number in range(4)]
    save(storage, with_journals(*rows))
    assert storage.ended(TARGET.service, 3) == [rows[3], rows[2], rows[1]]


def test_only_ended_invocations_of_the_service_with_a_journal_are_ended_ones(storage: Database) -> None:
    other = replace(ended("inv_2", 100), target=Target("shop.v1.Other", "UpdateBalance", "alice"))
    save(storage, with_journals(ended("inv_1", 100), other, invocation("inv_3")))
    save(storage, inserting(ended("inv_4", 100)))
    assert ids(storage.ended(TARGET.service, 10)) == ["inv_1"]


def test_an_ended_invocation_whose_journal_is_forgotten_is_not_among_them(storage: Database) -> None:
    save(storage, with_journals(ended("inv_1", 100), ended("inv_2", 100)))
    save(storage, Writes(forgotten={"inv_1"}))
    assert ids(storage.ended(TARGET.service, 10)) == ["inv_2"]


def test_usage_counts_keys_for_each_name_of_the_state(storage: Database) -> None:
    state: dict[tuple[str, str, str], bytes | None] = {
        ("s", "ada", "balance"): b"1",
        ("s", "bob", "balance"): b"2",
        ("s", "bob", "name"): b"",
        ("other", "ada", "balance"): b"3",
    }
    save(storage, Writes(state=state))
    assert storage.usage("s") == Usage({"balance": 2, "name": 1}, {})
    save(storage, Writes(state={("s", "ada", "balance"): None}))
    assert storage.usage("s") == Usage({"balance": 1, "name": 1}, {})


def test_usage_counts_what_each_handler_has_not_ended(storage: Database) -> None:
    get = Target(TARGET.service, "GetBalance", "alice")
    other = Target("shop.v1.Other", "GetBalance", "alice")
    rows = [replace(bare(f"inv_{n}", status), target=TARGET) for n, status in enumerate(STATUSES)]
    save(storage, inserting(*rows, replace(bare("inv_a"), target=get), replace(bare("inv_b"), target=other)))
    open = sum(not isinstance(status, Ended) for status in STATUSES)
    assert storage.usage(TARGET.service) == Usage({}, {"UpdateBalance": open, "GetBalance": 1})


def test_nothing_is_there_of_a_service_that_nobody_has_used(storage: Database) -> None:
    save(storage, inserting(bare("inv_1")))
    assert storage.usage("shop.v1.Other") == Usage({}, {})
