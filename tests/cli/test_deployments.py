"""`perdure deployments`: what it asks of a node, and what it prints."""

import pytest
from perdure_protos.perdure.admin.v1.admin_pb2 import Deployment, Divergence
from perdure_runtime.cli.problem import Problem
from perdure_runtime.ingress.port import DeploymentInUse, RegistrationRefused, UnknownDeployment

from tests.cli.desk import desk

ADDRESS = "localhost:9080"
DIVERGENCE = Divergence(invocation_id="inv_1", handler="shop.v1.Orders/Process", message="entry 2 is a sleep")


def test_a_registered_endpoint_is_printed_with_its_services() -> None:
    with desk() as there:
        assert there.says("deployments", "register", ADDRESS)[0] == f"dp_1 at {ADDRESS} serves"
        assert there.node.done == [("register", ADDRESS)]


def test_an_endpoint_of_several_processes_is_registered_with_all_their_addresses() -> None:
    with desk() as there:
        assert there.says("deployments", "register", "a:1", "b:2")[0] == "dp_1 at a:1, b:2 serves"
        assert there.node.done == [("register", "a:1", "b:2")]


@pytest.mark.parametrize(("how", "at"), [("join", "localhost:9080, b:2"), ("leave", "localhost:9080")])
def test_a_process_joins_and_leaves_a_deployment(how: str, at: str) -> None:
    with desk() as there:
        assert there.says("deployments", how, "dp_1", "b:2") == [f"dp_1 is at {at}"]
        assert there.node.done == [(how, "dp_1", "b:2")]


def test_what_was_forced_is_printed() -> None:
    with desk() as there:
        there.node.changes = ["shop.v1.Orders/Process is gone (breaks callers)"]
        lines = there.says("deployments", "register", ADDRESS, "--force")
        assert lines[-1] == "forced: shop.v1.Orders/Process is gone (breaks callers)"
        assert there.node.done == [("register", ADDRESS, "force")]


def test_the_class_of_a_change_is_printed() -> None:
    with desk() as there:
        there.node.change_class = "safe"
        assert there.says("deployments", "register", ADDRESS)[-1] == "the change of its contracts: safe"


def test_a_registration_asks_for_the_replay_of_journals() -> None:
    with desk() as there:
        there.says("deployments", "register", ADDRESS, "--verify")
        assert there.node.done == [("register", ADDRESS, "verify")]


def test_each_deployment_is_a_line_with_its_status_and_its_work() -> None:
    with desk() as there:
        there.node.known = [
            Deployment(id="dp_1", addresses=["a:1"], services=["shop.v1.Orders"], status="draining", in_flight=2),
            Deployment(id="dp_2", addresses=["b:2", "c:3"], services=["shop.v1.Orders"], status="active"),
            Deployment(id="dp_3", addresses=["d:4"], services=["shop.v1.Shop"], status="active", waiting=3),
            Deployment(id="dp_4", addresses=["e:5"], services=["a.A", "b.B"], status="active", sdk_version="1.2"),
        ]
        assert there.says("deployments", "list") == [
            "dp_1  a:1  draining, 2 in flight  shop.v1.Orders",
            "dp_2  b:2, c:3  active, no work  shop.v1.Orders",
            "dp_3  d:4  active, 3 waiting  shop.v1.Shop",
            "dp_4  e:5  active, no work, perdure 1.2  a.A, b.B",
        ]


def test_where_none_is_registered_the_list_is_empty_and_says_how_to_register_one() -> None:
    with desk() as there:
        there.node.known = []
        ran = there.perdure("deployments", "list")
        assert (ran.exit_code, ran.stdout) == (0, "")
        assert ran.stderr == "no endpoint is registered; perdure deployments register HOST:PORT does it\n"


@pytest.mark.parametrize("flags", [(), ("force",)], ids="".join)
def test_a_deployment_is_removed(flags: tuple[str, ...]) -> None:
    with desk() as there:
        options = [f"--{flag}" for flag in flags]
        assert there.says("deployments", "remove", "dp_1", *options) == ["dp_1 is removed"]
        assert there.node.done == [("remove", "dp_1", *flags)]


def test_an_endpoint_that_repeats_all_journals_is_one_line() -> None:
    with desk() as there:
        assert there.says("deployments", "verify", ADDRESS, "--limit", "5") == [f"{ADDRESS} repeats 3 journals"]
        assert there.node.done == [("verify", ADDRESS, 5)]


def test_journals_that_are_not_repeated_are_named_and_exit_code_1() -> None:
    with desk() as there:
        there.node.divergences = [DIVERGENCE]
        ran = there.perdure("deployments", "verify", ADDRESS)
    assert ran.output.splitlines() == ["inv_1  shop.v1.Orders/Process  entry 2 is a sleep"]
    assert isinstance(ran.exception, Problem)
    assert str(ran.exception) == f"1 of 3 journals are not repeated by {ADDRESS}"
    assert ran.exception.exit_code == 1


@pytest.mark.parametrize(
    ("command", "trouble", "says"),
    [
        (("register", ADDRESS), RegistrationRefused("it breaks callers"), "it breaks callers"),
        (("remove", "dp_1"), DeploymentInUse("dp_1 has begun inv_1"), "dp_1 has begun inv_1"),
        (("remove", "dp_7"), UnknownDeployment("dp_7"), "there is no deployment 'dp_7'"),
    ],
)
def test_what_the_node_refuses_is_its_sentence_and_exit_code_2(
    command: tuple[str, ...], trouble: Exception, says: str
) -> None:
    with desk() as there:
        there.node.trouble = trouble
        problem = there.perdure("deployments", *command).exception
    assert isinstance(problem, Problem)
    assert str(problem) == says
    assert problem.exit_code == 2
