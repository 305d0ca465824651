"""The options of `perdure up` as settings: what they ask for, and what cannot be asked for."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
from perdure_runtime.cli.options import ClusterOptions, NodeOptions
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.settings import of_dev, of_up
from perdure_runtime.config.settings import Settings

DATABASE = "postgresql://ada:s3cret@db/shop"
OTHER = "postgresql://ada:s3cret@db/rest"
PLAIN, ANYWHERE = ClusterOptions(), NodeOptions()


@pytest.fixture(autouse=True)
def nothing_else_says_anything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file, no variables."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PERDURE_STORAGE", raising=False)


def up(cluster: ClusterOptions, node: NodeOptions = ANYWHERE) -> Settings:
    """The settings of these options."""
    return of_up(node, cluster).settings


def test_without_options_it_is_one_node_on_a_file() -> None:
    settings = up(PLAIN)
    assert (settings.storage.addresses, settings.cluster.workers) == ((), 1)
    assert settings.storage.data == Path("perdure-data")


def test_data_of_dev_lie_out_of_sight_unless_an_option_says_where() -> None:
    assert of_dev(NodeOptions()).settings.storage.data == Path(".perdure")
    assert of_dev(NodeOptions(data=Path("here"))).settings.storage.data == Path("here")


def test_a_node_on_a_database_has_peers_on_a_port_of_its_own_and_a_lease_of_five_seconds() -> None:
    settings = up(replace(PLAIN, storage=[DATABASE]))
    assert (settings.cluster.peer, settings.cluster.advertised(0)) == (("127.0.0.1", 0), "")
    assert (settings.cluster.lease.total_seconds(), settings.storage.partitions) == (5.0, None)


def test_databases_keep_their_order() -> None:
    assert up(replace(PLAIN, storage=[OTHER, DATABASE])).storage.addresses == (OTHER, DATABASE)


@pytest.mark.parametrize(("written", "seconds"), [("2", 2.0), ("1.5", 1.5), ("2s", 2.0), ("1500ms", 1.5)])
def test_a_lease_is_a_number_of_seconds_or_a_duration(written: str, seconds: float) -> None:
    assert up(replace(PLAIN, storage=[DATABASE], lease=written)).cluster.lease.total_seconds() == seconds


def test_each_worker_has_a_port_of_its_own_inside_and_outside() -> None:
    options = replace(PLAIN, storage=[DATABASE], workers=3, peer="0.0.0.0:7000", advertise="node-1:9000")
    assert [up(options).cluster.advertised(number) for number in range(3)] == [
        "node-1:9000",
        "node-1:9001",
        "node-1:9002",
    ]


def test_settings_can_be_given_to_another_process() -> None:
    settings = up(replace(PLAIN, storage=[DATABASE]), NodeOptions(retry="max-attempts=7"))
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_the_password_of_a_database_is_nowhere_in_what_settings_look_like() -> None:
    assert "s3cret" not in repr(up(replace(PLAIN, storage=[DATABASE])))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (replace(PLAIN, workers=0), "--workers: 0 are too few"),
        (replace(PLAIN, workers=65), "--workers: an SQLite directory has 64 partitions"),
        (replace(PLAIN, peer="127.0.0.1:7000"), "--peer: a node on an SQLite file has no peers"),
        (replace(PLAIN, advertise="node-1:7000"), "--advertise: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, lease="5"), "--lease: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, partitions=8), "--partitions: only nodes that share a PostgreSQL database"),
        (replace(PLAIN, storage=["mysql://ada:s3cret@db/shop"]), "--storage: this is no URL of a PostgreSQL"),
        (replace(PLAIN, storage=[DATABASE, OTHER, DATABASE]), "--storage: two of these databases are the same"),
        (replace(PLAIN, storage=[DATABASE], lease="0"), "--lease: nodes cannot keep one of 0 s"),
        (replace(PLAIN, storage=[DATABASE], lease="inf"), "--lease is 'inf'; write a duration"),
        (replace(PLAIN, storage=[DATABASE], lease="nan"), "--lease is 'nan'; write a duration"),
        (replace(PLAIN, storage=[DATABASE], partitions=0), "--partitions: 0 is too many or too few"),
        (replace(PLAIN, storage=[DATABASE], partitions=5000), "--partitions: 5000 is too many or too few"),
        (replace(PLAIN, storage=[DATABASE], peer="7000"), "--peer: '7000' is no address"),
        (replace(PLAIN, storage=[DATABASE], peer="0.0.0.0:7000"), "--peer: 0.0.0.0 is everywhere"),
        (replace(PLAIN, storage=[DATABASE], peer="[::]:0"), "--peer: [::] is everywhere"),
        (replace(PLAIN, storage=[DATABASE], peer="h:0", advertise="h:7"), "--advertise: this address must lead"),
        (replace(PLAIN, storage=[DATABASE], peer="h:7", advertise="h:0"), "--advertise: this address must lead"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_asked_for_is_one_sentence(options: ClusterOptions, says: str) -> None:
    with pytest.raises(Problem) as raised:
        up(options)
    assert str(raised.value).startswith(says)
    assert "s3cret" not in str(raised.value)
    assert raised.value.exit_code == 2
