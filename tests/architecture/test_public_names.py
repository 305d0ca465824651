"""What people import from ``perdure``: a name that comes or goes is a decision, and stands here too."""

import types

import perdure

PUBLIC = {
    "BlockingInvocationHandle",
    "CallError",
    "Client",
    "Context",
    "DurableFuture",
    "Endpoint",
    "EndpointError",
    "InvocationHandle",
    "JournalMismatch",
    "ObjectContext",
    "PerdureError",
    "RetryPolicy",
    "RetryableError",
    "SharedObjectContext",
    "StatusCode",
    "SyncClient",
    "TerminalError",
    "UnsupportedResult",
    "UsageError",
}


def test_the_public_names_are_these() -> None:
    assert set(perdure.__all__) == PUBLIC
    assert perdure.__all__ == sorted(perdure.__all__)


def test_there_are_no_others() -> None:
    names = {
        name
        for name, value in vars(perdure).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }

    assert names == PUBLIC


def test_every_public_name_says_what_it_is() -> None:
    assert [name for name in perdure.__all__ if not getattr(perdure, name).__doc__] == []
