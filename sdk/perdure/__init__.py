"""perdure: contract-first durable execution for Python microservices."""

from perdure.calls import BlockingInvocationHandle, InvocationHandle
from perdure.context import Context, ObjectContext, SharedObjectContext
from perdure.endpoint import Endpoint
from perdure.errors import (
    CallError,
    EndpointError,
    JournalMismatch,
    PerdureError,
    RetryableError,
    StatusCode,
    TerminalError,
    UnsupportedResult,
    UsageError,
)
from perdure.futures import DurableFuture
from perdure.retry import RetryPolicy

__all__ = [
    "BlockingInvocationHandle",
    "CallError",
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
    "TerminalError",
    "UnsupportedResult",
    "UsageError",
]
