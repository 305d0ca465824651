"""The run handler of a workflow in its client: called once for each workflow id, and asked about by that id."""

from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Generic, Self, overload

from perdure.calls import BlockingCaller, BlockingInvocationHandle, Caller, InvocationHandle, WorkflowRun
from perdure.method import BlockingMethod, Method, Req, Res, ServiceClient


class RunMethod(Method[Req, Res]):
    """The run of one workflow id: to be called, sent to, or waited for."""

    __slots__ = ()

    def __call__(
        self,
        request: Req,
        *,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        must_be_new: bool = False,
    ) -> Awaitable[Res]:
        """Runs the workflow and waits for its response; where this id has run, the response is that of its run.

        Args:
            must_be_new: Fail with ALREADY_EXISTS where this id has run, unless with the same idempotency key.

        Raises:
            TerminalError: When awaited: the workflow ended with it.
        """
        return self._client._caller._call(self._make_call(request, idempotency_key, headers, must_be_new=must_be_new))

    def send(
        self,
        request: Req,
        *,
        delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        must_be_new: bool = False,
    ) -> Awaitable[InvocationHandle[Res]]:
        """Lets the workflow run, after the delay if there is one; where this id has run, gives that run's handle.

        Args:
            must_be_new: Fail with ALREADY_EXISTS where this id has run, unless with the same idempotency key.
        """
        return self._client._caller._send(
            self._make_call(request, idempotency_key, headers, delay, must_be_new=must_be_new)
        )

    def attach(self) -> Awaitable[Res]:
        """Waits for the end of the run.

        Raises:
            TerminalError: When awaited: the workflow ended with it, or NOT_FOUND: this id has not run.
        """
        return self._client._caller._attach(_run_of(self), self._read)

    def output(self) -> Awaitable[Res | None]:
        """The response, or None while the workflow runs.

        Raises:
            TerminalError: When awaited: the workflow ended with it, or NOT_FOUND: this id has not run.
        """
        return self._client._caller._output(_run_of(self), self._read)

    def cancel(self) -> Awaitable[None]:
        """Asks the run to end: it gets a ``CancelledInvocation`` where it waits."""
        return self._client._caller._cancel(_run_of(self))


class BlockingRunMethod(BlockingMethod[Req, Res]):
    """The run of one workflow id, for a blocking program."""

    __slots__ = ()

    def __call__(
        self,
        request: Req,
        *,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        must_be_new: bool = False,
    ) -> Res:
        """Runs the workflow and waits for its response; where this id has run, the response is that of its run.

        Args:
            must_be_new: Fail with ALREADY_EXISTS where this id has run, unless with the same idempotency key.

        Raises:
            TerminalError: The workflow ended with it.
        """
        return self._client._caller._call(self._make_call(request, idempotency_key, headers, must_be_new=must_be_new))

    def send(
        self,
        request: Req,
        *,
        delay: timedelta | None = None,
        idempotency_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        must_be_new: bool = False,
    ) -> BlockingInvocationHandle[Res]:
        """Lets the workflow run, after the delay if there is one; where this id has run, gives that run's handle.

        Args:
            must_be_new: Fail with ALREADY_EXISTS where this id has run, unless with the same idempotency key.
        """
        return self._client._caller._send(
            self._make_call(request, idempotency_key, headers, delay, must_be_new=must_be_new)
        )

    def attach(self) -> Res:
        """Waits for the end of the run.

        Raises:
            TerminalError: The workflow ended with it, or NOT_FOUND: this id has not run.
        """
        return self._client._caller._attach(_run_of(self), self._read)

    def output(self) -> Res | None:
        """The response, or None while the workflow runs.

        Raises:
            TerminalError: The workflow ended with it, or NOT_FOUND: this id has not run.
        """
        return self._client._caller._output(_run_of(self), self._read)

    def cancel(self) -> None:
        """Asks the run to end: it gets a ``CancelledInvocation`` where it waits."""
        self._client._caller._cancel(_run_of(self))


class RunRpc(Generic[Req, Res]):
    """The attribute of a generated workflow client for the workflow's run."""

    def __init__(self, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: ServiceClient[BlockingCaller], owner: type[object]) -> BlockingRunMethod[Req, Res]: ...
    @overload
    def __get__(self, client: ServiceClient[Caller], owner: type[object]) -> RunMethod[Req, Res]: ...
    def __get__(
        self, client: ServiceClient[Caller] | ServiceClient[BlockingCaller] | None, owner: type[object]
    ) -> Self | RunMethod[Req, Res] | BlockingRunMethod[Req, Res]:
        if client is None:
            return self
        handler = client.service.handler(self._name)
        if isinstance(client._caller, Caller):
            return RunMethod(client, handler)
        return BlockingRunMethod(client, handler)


def _run_of(method: RunMethod[Req, Res] | BlockingRunMethod[Req, Res]) -> WorkflowRun:
    return WorkflowRun(method._client.service.name, method._handler.name, method._client._key)
