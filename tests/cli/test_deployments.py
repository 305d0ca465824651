"""`perdure deployments`: endpoints registered, joined, verified, removed."""

import socket
from collections.abc import Iterator

import pytest

from tests.cli.covering import covers
from tests.cli.town import Town, town


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node of its own, whose deployments may go."""
    with town(tmp_path_factory.mktemp("apart")) as started:
        yield started


@covers("deployments register", "deployments list")
def test_a_deployment_is_listed_with_its_services_and_its_work(apart: Town) -> None:
    lines = apart.says("deployments", "list").splitlines()

    assert lines[0].split() == ["id", "addresses", "status", "work", "perdure", "services"]
    assert lines[1].startswith("dp_")
    assert apart.endpoint in lines[1]
    assert "active" in lines[1]
    assert "no work" in lines[1]
    assert "mail.v1.MailService" in lines[1]
    (known,) = apart.json("deployments", "list")["deployments"]
    assert known["addresses"] == [apart.endpoint]


@covers("deployments join", "deployments leave")
def test_a_process_joins_a_deployment_and_leaves_it(apart: Town) -> None:
    (known,) = apart.json("deployments", "list")["deployments"]
    second = apart.serve()

    assert apart.says("deployments", "join", known["id"], second) == f"{known['id']} is at {apart.endpoint}, {second}\n"
    assert apart.says("deployments", "leave", known["id"], second) == f"{known['id']} is at {apart.endpoint}\n"


@covers("deployments verify")
def test_an_endpoint_that_repeats_all_journals_is_one_line(apart: Town) -> None:
    apart.mail("verified", "ended")

    assert (
        apart.says("deployments", "verify", apart.endpoint, "--limit", "1") == f"{apart.endpoint} repeats 1 journal\n"
    )
    assert apart.json("deployments", "verify", apart.endpoint)["divergences"] == []


@covers("deployments remove")
def test_a_deployment_is_removed_and_none_is_left(apart: Town) -> None:
    (known,) = apart.json("deployments", "list")["deployments"]

    assert apart.says("deployments", "remove", known["id"], "--force") == f"{known['id']} is removed\n"
    ran = apart.perdure("deployments", "list")
    assert (ran.exit_code, ran.out) == (0, "")
    assert ran.err == "no endpoint is registered; perdure deployments register HOST:PORT does it\n"
    assert apart.says("deployments", "register", apart.endpoint).splitlines()[0].startswith("dp_")


@pytest.mark.parametrize("command", ["register", "verify"])
def test_an_endpoint_that_does_not_answer_is_one_sentence(command: str, there: Town) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"127.0.0.1:{nobody.getsockname()[1]}"

    assert f"no perdure endpoint answers at {address}" in there.refuses("deployments", command, address)


def test_an_unknown_deployment_is_one_sentence(there: Town) -> None:
    assert there.refuses("deployments", "remove", "dp_7").startswith("perdure: there is no deployment 'dp_7'")
