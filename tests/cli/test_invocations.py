"""`perdure invocations`: what it asks of a node, and what it prints."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from perdure_protos.perdure.admin.v1.admin_pb2 import DescribeInvocationResponse
from perdure_runtime.admin.server import AdminServer
from perdure_runtime.cli.main import app
from perdure_runtime.cli.problem import Problem
from perdure_runtime.ingress.port import UnknownInvocation, WrongStatus
from typer.testing import CliRunner, Result

from tests.admin.administration import FakeAdministration


class Desk:
    """A node with its admin API, and the command."""

    def __init__(self, node: FakeAdministration, port: int) -> None:
        self.node = node
        self._port = port

    def perdure(self, *arguments: str) -> Result:
        """Runs `perdure invocations`."""
        return CliRunner().invoke(app, ["invocations", *arguments, "--admin", f"127.0.0.1:{self._port}"])

    def says(self, *arguments: str) -> list[str]:
        """What it prints."""
        ran = self.perdure(*arguments)
        assert ran.exit_code == 0, ran.output
        return ran.output.splitlines()


@contextmanager
def desk() -> Iterator[Desk]:
    """Serves the admin API in a thread of its own: the command runs an event loop itself."""
    node, started, port = FakeAdministration(), threading.Event(), 0
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        nonlocal port
        server = AdminServer(node, "127.0.0.1", 0)
        await server.start()
        port = server.port
        started.set()
        await stop.wait()
        await server.close(0)

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield Desk(node, port)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


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
        assert there.says(command, "inv_1") == [line]
        assert there.node.done == [(command, "inv_1")]


def test_a_restart_prints_the_new_invocation() -> None:
    with desk() as there:
        assert there.says("restart", "inv_1") == ["inv_1 runs again as inv_2"]
        assert there.says("restart", "inv_1", "--from-entry", "4") == ["inv_1 runs again as inv_2"]
        assert there.node.done == [("restart", "inv_1", 0), ("restart", "inv_1", 4)]


@pytest.mark.parametrize("number", ["-1", "4294967296", "first"])
def test_an_entry_that_no_journal_can_have_is_refused_before_a_node_is_asked(number: str) -> None:
    with desk() as there:
        assert there.perdure("restart", "inv_1", "--from-entry", number).exit_code == 2
        assert there.node.done == []


def test_an_invocation_is_shown_with_its_journal_as_restart_numbers_it() -> None:
    with desk() as there:
        assert there.says("show", "inv_1") == [
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
        assert there.says("show", "inv_1")[-1] == "no journal"


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
        problem = there.perdure(command, "inv_1").exception
    assert isinstance(problem, Problem)
    assert str(problem).startswith(says)
    assert problem.exit_code == 2
