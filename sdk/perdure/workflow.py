"""Workflows: what their handlers get, and the promises by which these talk to each other."""

from functools import partial
from typing import Any, Generic, Self, overload

import betterproto
from perdure_protos.perdure.protocol.v1.journal_pb2 import Entry, GetPromiseCommand, Outcome, PeekPromiseCommand
from typing_extensions import TypeVar

from perdure import codec, commands
from perdure.context import ObjectContext, ReadStateT, SharedObjectContext, StateT, looked_at
from perdure.errors import StatusCode, TerminalError, UsageError
from perdure.failures import failure_of
from perdure.futures import DurableFuture
from perdure.operations import Operations

MessageT = TypeVar("MessageT", bound=betterproto.Message)


class Promises:
    """The promises of one workflow id; generated subclasses have one attribute for each."""

    def __init__(self, attempt: Operations) -> None:
        self._attempt = attempt


class BoundPromise(Generic[MessageT]):
    """A promise of one workflow id: it gets its result once, and all its handlers see the same."""

    __slots__ = ("_attempt", "_message", "_name")

    def __init__(self, attempt: Operations, name: str, message: type[MessageT]) -> None:
        self._attempt = attempt
        self._name = name
        self._message = message

    def value(self) -> DurableFuture[MessageT]:
        """Waits for the result.

        Raises:
            TerminalError: When awaited: the promise was rejected.
        """
        entry = Entry(get_promise=GetPromiseCommand(name=self._name))
        return self._attempt.issue(f"promises.{self._name}.value", entry, partial(codec.decode, self._message))

    def peek(self) -> DurableFuture[MessageT | None]:
        """The result, or None while there is none.

        Raises:
            TerminalError: When awaited: the promise was rejected.
        """
        entry = Entry(peek_promise=PeekPromiseCommand(name=self._name))
        read = partial(looked_at, partial(codec.decode, self._message))
        return self._attempt.issue(f"promises.{self._name}.peek", entry, read)

    def resolve(self, message: MessageT) -> DurableFuture[None]:
        """Gives the promise its result.

        Raises:
            UsageError: It is no message of the promise's type.
            TerminalError: When awaited: ALREADY_EXISTS, it has a result.
        """
        if type(message) is not self._message:
            raise UsageError(
                f"promise {self._name!r} takes a {self._message.__name__}, as its contract says, not a "
                f"{type(message).__name__}"
            )
        return self._complete("resolve", Outcome(value=codec.encode(message)))

    def reject(self, message: str, code: StatusCode = StatusCode.UNKNOWN) -> DurableFuture[None]:
        """Lets all who wait for the promise get a TerminalError.

        Raises:
            TerminalError: When awaited: ALREADY_EXISTS, it has a result.
        """
        return self._complete("reject", Outcome(failure=failure_of(TerminalError(message, code))))

    def _complete(self, how: str, result: Outcome) -> DurableFuture[None]:
        entry = commands.complete_promise(self._name, result)
        return self._attempt.issue(f"promises.{self._name}.{how}", entry, commands.nothing)


class DurablePromise(Generic[MessageT]):
    """An attribute of ``Promises``: one promise of the contract, with the message of its result."""

    def __init__(self, name: str, message: type[MessageT]) -> None:
        self.name = name
        self.message = message

    @overload
    def __get__(self, promises: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, promises: Promises, owner: type[object]) -> BoundPromise[MessageT]: ...
    def __get__(self, promises: Promises | None, owner: type[object]) -> Self | BoundPromise[MessageT]:
        return self if promises is None else BoundPromise(promises._attempt, self.name, self.message)


PromisesT = TypeVar("PromisesT", bound=Promises, default=Promises)


class WorkflowContext(ObjectContext[StateT], Generic[StateT, PromisesT]):
    """For the ``run`` handler of a workflow: executed once for each workflow id.

    Attributes:
        key: The workflow id.
        promises: The promises of this workflow id.
    """

    promises_type: type[PromisesT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        self.promises = make_promises(self, attempt)


class WorkflowSharedContext(SharedObjectContext[ReadStateT], Generic[ReadStateT, PromisesT]):
    """For the shared handlers of a workflow, which run before ``run``, beside it and after it.

    Attributes:
        key: The workflow id.
        promises: The promises of this workflow id.
    """

    promises_type: type[PromisesT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        self.promises = make_promises(self, attempt)


def make_promises(
    context: WorkflowContext[Any, PromisesT] | WorkflowSharedContext[Any, PromisesT], attempt: Operations
) -> PromisesT:
    """The promises of a context; a contract without promises has no generated class for them."""
    make: type[PromisesT] = getattr(context, "promises_type", Promises)  # type: ignore[arg-type]  # PromisesT's default
    return make(attempt)
