"""Calls by name with raw bytes: for programs that learn at run time whom they call."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta

from perdure.calls import NO_HEADERS, Call, Caller, InvocationHandle
from perdure.errors import UsageError


class GenericClient:
    """Calls any handler by its name, through the context of a handler or a ``Client``."""

    def __init__(self, caller: Caller) -> None:
        if not isinstance(caller, Caller):
            raise UsageError(
                f"GenericClient calls through the ctx of a handler or a perdure.Client, not a {type(caller).__name__}"
            )
        self._caller = caller

    def call(
        self,
        service: str,
        handler: str,
        payload: bytes,
        *,
        key: str = "",
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[bytes]:
        """Calls a handler and waits for its response, serialised.

        Args:
            service: Full name, such as "shop.v1.OrderService".
            handler: Name of the rpc, such as "Process".
            payload: The request message, serialised; its key field must hold ``key``.
            key: Of the object or workflow; empty for services.

        Raises:
            TerminalError: When awaited: the invocation ended with it.
        """
        return self._caller._call(
            Call(service, handler, key, payload, _same, idempotency_key or "", headers or NO_HEADERS)
        )

    def send(
        self,
        service: str,
        handler: str,
        payload: bytes,
        *,
        key: str = "",
        delay: timedelta = timedelta(0),
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Awaitable[InvocationHandle[bytes]]:
        """Sends a message: the handler runs, after the delay if there is one, and nobody waits for it."""
        if delay < timedelta(0):
            raise UsageError(f"{service}/{handler}: a delay of {delay} lies in the past")
        return self._caller._send(
            Call(service, handler, key, payload, _same, idempotency_key or "", headers or NO_HEADERS, delay)
        )


def _same(value: bytes) -> bytes:
    return value
