"""What a user does wrong at the command line: one sentence that says what to do, and exit code 2."""

import socket
from pathlib import Path

import pytest
from perdure_runtime.cli.directory import claim, files_of

from examples.demo.processes import Service, free_port
from tests.cli.command import perdure, sentence


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dev", "shop"), "perdure: 'shop' names no endpoint; write module:attribute, such as shop.app:app"),
        (("serve", "json:nothing"), "perdure: module json has no attribute 'nothing'"),
        (("serve", "json:dumps"), "perdure: json:dumps is a function, not a perdure.Endpoint"),
        (("up", "--ingress", "8080"), "perdure: --ingress: '8080' is no address; write host:port"),
        (("up", "--storage", "mysql://ada:s3cret@db/shop"), "perdure: --storage: this is no URL of a PostgreSQL"),
        (("up", "--storage", "postgresql://ada:s3cret@[db/shop"), "perdure: this is no address of a PostgreSQL"),
        (("up", "--workers", "0"), "perdure: --workers: 0 are too few; write 1 or more"),
        (("up", "--lease", "0", "--storage", "postgresql://db/shop"), "perdure: --lease: nodes cannot keep one of 0 s"),
        (("deployments", "register", "here"), "perdure: ADDRESS: 'here' is no address; write host:port"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_one_sentence(arguments: tuple[str, ...], says: str) -> None:
    assert sentence(perdure(*arguments)).startswith(says)


def test_a_database_that_cannot_be_reached_is_one_sentence_without_its_password() -> None:
    says = sentence(perdure("up", "--storage", f"postgresql://ada:s3cret@127.0.0.1:{free_port()}/shop"))
    assert says.startswith("perdure: opening the storage failed on postgresql://127.0.0.1:")
    assert "the server cannot be reached: start it, or check its address" in says
    assert "s3cret" not in says


def test_a_missing_module_is_named_with_the_place_that_was_searched(tmp_path: Path) -> None:
    says = sentence(perdure("serve", "shop.app:app", cwd=tmp_path))
    assert says == f"perdure: there is no module 'shop' in {tmp_path} or among the installed packages"


def test_handlers_that_cannot_be_served_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("import perdure\napp = perdure.Endpoint()\n")
    says = sentence(perdure("serve", "shop:app", cwd=tmp_path))
    assert says == "perdure: shop cannot be served: an Endpoint needs handlers: Endpoint(OrderService(), Accounts())"


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("option", ["--ingress", "--admin"])
def test_a_port_that_is_taken_is_named_with_the_option_that_chooses_another(
    option: str, workers: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        others = {"--ingress": "127.0.0.1:0", "--admin": "127.0.0.1:0", option: address}
        arguments = [part for pair in others.items() for part in pair]
        says = sentence(perdure("up", "--workers", workers, "--data", str(tmp_path), *arguments))
    assert says.startswith(f"perdure: cannot listen on {address} (")
    assert says.endswith(f"choose another with {option}")


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "two"])
def test_data_for_another_number_of_workers_are_refused_with_the_number_to_use(
    workers: tuple[str, ...], tmp_path: Path
) -> None:
    claim(tmp_path, workers=4)
    files_of(tmp_path, 4)[0].touch()
    says = sentence(perdure("up", "--data", str(tmp_path), *workers))
    assert says == (
        f"perdure: --data: {tmp_path} was made for 4 workers; start it with --workers 4, or name another directory"
    )


def test_a_worker_that_cannot_start_ends_all_with_its_one_sentence() -> None:
    storage = f"postgresql://ada:s3cret@127.0.0.1:{free_port()}/shop"
    addresses = ("--ingress", "127.0.0.1:0", "--admin", "127.0.0.1:0")
    ran = perdure("up", "--workers", "2", "--storage", storage, *addresses)
    (says,) = ran.stderr.splitlines()
    assert (ran.returncode, says.partition(" failed on ")[0]) == (1, "perdure: opening the storage")


def test_the_data_of_a_running_node_are_refused_to_a_second_one(tmp_path: Path) -> None:
    ingress, admin = free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    node = Service("node", ["up", "--data", str(tmp_path), *addresses], ingress, tmp_path / "log")
    pid = node.start()
    try:
        says = sentence(perdure("up", "--data", str(tmp_path), "--ingress", "127.0.0.1:0", "--admin", "127.0.0.1:0"))
    finally:
        node.stop()
    assert f"belongs to another node, process {pid}; stop that one" in says


def test_a_node_that_does_not_run_is_said_to_an_operator() -> None:
    says = sentence(perdure("deployments", "list", "--admin", f"127.0.0.1:{free_port()}"))
    assert says.startswith("perdure: no perdure node answers at 127.0.0.1:")


@pytest.mark.parametrize("command", ["show", "pause", "resume", "cancel", "kill", "restart", "purge"])
def test_an_invocation_is_not_looked_for_where_no_node_runs(command: str) -> None:
    says = sentence(perdure("invocations", command, "inv_1", "--admin", f"127.0.0.1:{free_port()}"))
    assert says.startswith("perdure: no perdure node answers at 127.0.0.1:")


def test_an_endpoint_that_does_not_run_cannot_be_registered(tmp_path: Path) -> None:
    ingress, admin, endpoint = free_port(), free_port(), free_port()
    addresses = ("--ingress", f"127.0.0.1:{ingress}", "--admin", f"127.0.0.1:{admin}")
    node = Service("node", ["up", "--data", str(tmp_path), *addresses], ingress, tmp_path / "log")
    node.start()
    try:
        says = sentence(perdure("deployments", "register", f"127.0.0.1:{endpoint}", "--admin", f"127.0.0.1:{admin}"))
    finally:
        node.stop()
    assert says.startswith(f"perdure: no perdure endpoint answers at 127.0.0.1:{endpoint}: ")


def test_a_directory_without_contracts_generates_nothing(tmp_path: Path) -> None:
    assert "no .proto file" in sentence(perdure("generate", str(tmp_path)))
