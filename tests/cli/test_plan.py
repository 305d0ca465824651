"""The options of `perdure up` as a whole: what they ask for, and what cannot be asked for."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from perdure_runtime.cli.plan import Options, read_plan
from perdure_runtime.cli.problem import Problem

DATABASE = "postgresql://ada:s3cret@db/shop"
OTHER = "postgresql://ada:s3cret@db/rest"
PLAIN = Options("127.0.0.1:8080", "127.0.0.1:8081", Path("data"), [], "", "", "", None, None, 1)


def test_without_options_it_is_one_node_on_a_file() -> None:
    plan = read_plan(PLAIN)
    assert (plan.storages, plan.workers, plan.data) == ((), 1, Path("data"))


def test_a_node_on_a_database_has_peers_on_a_port_of_its_own_and_a_lease_of_five_seconds() -> None:
    plan = read_plan(replace(PLAIN, storages=[DATABASE]))
    assert (plan.peer, plan.advertised(0)) == (("127.0.0.1", 0), "")
    assert (plan.lease_s, plan.partitions) == (5.0, None)


def test_databases_keep_their_order() -> None:
    assert read_plan(replace(PLAIN, storages=[OTHER, DATABASE])).storages == (OTHER, DATABASE)


def test_each_worker_has_a_port_of_its_own_inside_and_outside() -> None:
    options = replace(PLAIN, storages=[DATABASE], workers=3, peer="0.0.0.0:7000", advertise="node-1:9000")
    assert [read_plan(options).advertised(number) for number in range(3)] == [
        "node-1:9000",
        "node-1:9001",
        "node-1:9002",
    ]


def test_a_plan_can_be_given_to_another_process() -> None:
    plan = read_plan(replace(PLAIN, storages=[DATABASE], retry="max-attempts=7"))
    assert pickle.loads(pickle.dumps(plan)) == plan


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (replace(PLAIN, workers=0), "--workers: 0 are too few"),
        (replace(PLAIN, workers=65), "--workers: an SQLite directory has 64 partitions"),
        (replace(PLAIN, peer="127.0.0.1:7000"), "--peer: a node on an SQLite file has no peers"),
        (replace(PLAIN, advertise="node-1:7000"), "--advertise: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, lease_s=5), "--lease: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, partitions=8), "--partitions: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, storages=["mysql://ada:s3cret@db/shop"]), "--storage: this is no URL of a PostgreSQL"),
        (replace(PLAIN, storages=[DATABASE, OTHER, DATABASE]), "--storage: two of these databases are the same"),
        (replace(PLAIN, storages=[DATABASE], lease_s=0), "--lease: nodes cannot keep one of 0 s"),
        (replace(PLAIN, storages=[DATABASE], lease_s=float("inf")), "--lease: nodes cannot keep one of inf s"),
        (replace(PLAIN, storages=[DATABASE], lease_s=float("nan")), "--lease: nodes cannot keep one of nan s"),
        (replace(PLAIN, storages=[DATABASE], partitions=0), "--partitions: 0 is too many or too few"),
        (replace(PLAIN, storages=[DATABASE], partitions=5000), "--partitions: 5000 is too many or too few"),
        (replace(PLAIN, storages=[DATABASE], peer="7000"), "--peer: '7000' is no address"),
        (replace(PLAIN, storages=[DATABASE], peer="0.0.0.0:7000"), "--peer: 0.0.0.0 is everywhere"),
        (replace(PLAIN, storages=[DATABASE], peer="[::]:0"), "--peer: [::] is everywhere"),
        (replace(PLAIN, storages=[DATABASE], peer="h:0", advertise="h:7"), "--advertise: this address must lead"),
        (replace(PLAIN, storages=[DATABASE], peer="h:7", advertise="h:0"), "--advertise: this address must lead"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked_for_is_one_sentence(options: Options, says: str) -> None:
    with pytest.raises(Problem) as raised:
        read_plan(options)
    assert str(raised.value).startswith(says)
    assert "s3cret" not in str(raised.value)
    assert raised.value.exit_code == 2
