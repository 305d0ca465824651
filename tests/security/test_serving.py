"""`perdure serve`: what its settings make of an endpoint."""

from pathlib import Path

import perdure
import pytest
from perdure_runtime.cli.problem import Problem
from perdure_runtime.cli.serve import _server
from perdure_runtime.config.settings import Settings
from perdure_runtime.security.signing import new_signing_key

from tests.admin.town import Trials
from tests.security.authority import Authority


def settings(listen: str = "0.0.0.0:9080", **sections: object) -> Settings:
    """Settings of an endpoint."""
    host, _, port = listen.rpartition(":")
    return Settings.model_validate({"endpoint": {"listen": (host, int(port))}, **sections})


def test_an_endpoint_beyond_this_machine_needs_its_nodes() -> None:
    with pytest.raises(Problem, match="name the nodes with --accept-from") as refused:
        _server(perdure.Endpoint(Trials()), settings())
    assert refused.value.exit_code == 2


def test_it_listens_where_nodes_sign_or_show_certificates_or_nobody_is_to_be_asked(tmp_path: Path) -> None:
    public, authority = new_signing_key().public, Authority(tmp_path)
    files = authority.give("endpoint")
    shown = {"certificate": files.certificate, "key": files.key, "client_ca": authority.ca}
    assert _server(perdure.Endpoint(Trials(), accept_from=[public]), settings())
    assert _server(perdure.Endpoint(Trials()), settings(signing={"accept_from": (public,)}))
    assert _server(perdure.Endpoint(Trials()), settings(tls={"serve": shown}))
    assert _server(perdure.Endpoint(Trials()), settings(auth={"insecure": True}))
    assert _server(perdure.Endpoint(Trials()), settings("127.0.0.1:9080"))


def test_what_is_wrong_is_a_problem_of_the_command(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="is no public key of a node"):
        _server(perdure.Endpoint(Trials()), settings(signing={"accept_from": ("sesame",)}))
    absent = {"certificate": tmp_path / "absent.pem", "key": tmp_path / "absent.pem"}
    with pytest.raises(Problem, match=r"cannot read .*absent\.pem"):
        _server(perdure.Endpoint(Trials()), settings("127.0.0.1:9080", tls={"serve": absent}))
