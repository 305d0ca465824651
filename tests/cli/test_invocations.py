"""`perdure invocations`: what it asks of a node, and what it prints."""

import pytest
from perdure_protos.perdure.admin.v1.admin_pb2 import DescribeInvocationResponse
from perdure_runtime.cli.problem import Problem
from perdure_runtime.ingress.port import UnknownInvocation, WrongStatus

from tests.cli.desk import desk


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("pause", "inv_1 is paused; go on with: perdure invocations resume inv_1"),
        ("resume", "inv_1 runs again"),
        ("cancel", "inv_1 is asked to end"),
        ("kill", "inv_1 is killed"),
    ],
)
def test_what_was_done_is_one_line(command: str, line: str) -> None:
    with desk() as there:
        assert there.says("invocations", command, "inv_1") == [line]
        assert there.node.done == [(command, "inv_1")]


def test_an_invocation_is_resumed_with_the_newest_deployment_where_the_operator_says_so() -> None:
    with desk() as there:
        assert there.says("invocations", "resume", "inv_1", "--on-newest") == ["inv_1 runs again"]
        assert there.node.done == [("resume", "inv_1", "on_newest")]


def test_a_restart_prints_the_new_invocation() -> None:
    with desk() as there:
        assert there.says("invocations", "restart", "inv_1") == ["inv_1 runs again as inv_2"]
        assert there.says("invocations", "restart", "inv_1", "--from-entry", "4") == ["inv_1 runs again as inv_2"]
        assert there.node.done == [("restart", "inv_1", 0), ("restart", "inv_1", 4)]


@pytest.mark.parametrize("number", ["-1", "4294967296", "first"])
def test_an_entry_that_no_journal_can_have_is_refused_before_a_node_is_asked(number: str) -> None:
    with desk() as there:
        assert there.perdure("invocations", "restart", "inv_1", "--from-entry", number).exit_code == 2
        assert there.node.done == []


def test_an_invocation_is_shown_with_its_journal_as_restart_numbers_it() -> None:
    with desk() as there:
        assert there.says("invocations", "show", "inv_1") == [
            "inv_1",
            "  handler     shop.v1.Accounts/Add",
            "  key         ada",
            "  status      paused",
            "  attempt     3",
            "  last error  the bank is closed",
            "journal",
            "   0  get state 'balance'",
            *[f"  {number:>2}  run 'step {number}'" for number in range(1, 11)],
        ]


def test_an_invocation_without_a_journal_says_so() -> None:
    with desk() as there:
        there.node.shown = DescribeInvocationResponse(invocation_id="inv_1", handler="shop.v1.Orders/Process")
        assert there.says("invocations", "show", "inv_1")[-1] == "no journal"


@pytest.mark.parametrize(
    ("command", "trouble", "says"),
    [
        ("purge", WrongStatus("inv_1 is paused; only what has ended is purged"), "inv_1 is paused; only what"),
        ("cancel", UnknownInvocation("inv_1"), "there is no invocation 'inv_1'"),
    ],
)
def test_what_the_node_refuses_is_its_sentence_and_exit_code_2(command: str, trouble: Exception, says: str) -> None:
    with desk() as there:
        there.node.trouble = trouble
        problem = there.perdure("invocations", command, "inv_1").exception
    assert isinstance(problem, Problem)
    assert str(problem).startswith(says)
    assert problem.exit_code == 2
