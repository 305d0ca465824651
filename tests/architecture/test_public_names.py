"""What people import from ``perdure``: a name that comes or goes is a decision, and stands here too."""

import ast
import types
from collections.abc import Iterator

import perdure

from tests.architecture.sources import name, sources

PUBLIC = {
    "Awakeable",
    "BlockingInvocationHandle",
    "CallError",
    "CancelledInvocation",
    "Client",
    "Context",
    "Durable",
    "DurableFuture",
    "Endpoint",
    "EndpointError",
    "GenericClient",
    "InvocationHandle",
    "JournalMismatch",
    "ObjectContext",
    "PerdureError",
    "RetryPolicy",
    "RetryableError",
    "Saga",
    "SharedObjectContext",
    "StatusCode",
    "SyncClient",
    "TerminalError",
    "TimedOut",
    "Tls",
    "UnsupportedResult",
    "UsageError",
    "WorkflowContext",
    "WorkflowSharedContext",
    "as_completed",
    "gather",
    "interruptible",
    "or_timeout",
    "race",
    "select",
    "wait",
}


def test_the_public_names_are_these() -> None:
    assert set(perdure.__all__) == PUBLIC
    assert perdure.__all__ == sorted(perdure.__all__)


def test_there_are_no_others() -> None:
    names = {
        public
        for public, value in vars(perdure).items()
        if not public.startswith("_") and not isinstance(value, types.ModuleType)
    }

    assert names == PUBLIC


def test_every_public_name_says_what_it_is() -> None:
    assert [public for public in perdure.__all__ if not getattr(perdure, public).__doc__] == []


def test_every_public_class_and_function_of_the_sdk_says_what_it_is() -> None:
    silent = [
        f"{name(file)}: {public}" for file in sources("sdk/perdure") for public in _silent(ast.parse(file.read_text()))
    ]

    assert silent == []


def _silent(parent: ast.Module | ast.ClassDef) -> Iterator[str]:
    for node in parent.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("_"):
            continue
        # What is overloaded says what it is where it is written.
        if not ast.get_docstring(node) and "overload" not in map(ast.unparse, node.decorator_list):
            yield node.name
        if isinstance(node, ast.ClassDef):
            yield from (f"{node.name}.{inner}" for inner in _silent(node))
