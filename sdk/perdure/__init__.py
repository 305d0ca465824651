"""perdure: contract-first durable execution for Python microservices."""

from perdure.calls import BlockingInvocationHandle, InvocationHandle
from perdure.client import Client
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
from perdure.sync_client import SyncClient

__all__ = [
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
]
