"""perdure: contract-first durable execution for Python microservices."""

from perdure.calls import BlockingInvocationHandle, InvocationHandle
from perdure.client import Client
from perdure.combining import as_completed, gather, or_timeout, race, select, wait
from perdure.context import Context, ObjectContext, SharedObjectContext
from perdure.endpoint import Endpoint
from perdure.errors import (
    CallError,
    CancelledInvocation,
    EndpointError,
    JournalMismatch,
    PerdureError,
    RetryableError,
    StatusCode,
    TerminalError,
    TimedOut,
    UnsupportedResult,
    UsageError,
)
from perdure.futures import Awakeable, Durable, DurableFuture
from perdure.generic import GenericClient
from perdure.retry import RetryPolicy
from perdure.saga import Saga
from perdure.steps import interruptible
from perdure.sync_client import SyncClient
from perdure.tls import Tls
from perdure.workflow import WorkflowContext, WorkflowSharedContext

__all__ = [
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
]
