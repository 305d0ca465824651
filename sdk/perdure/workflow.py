"""The shapes of generated workflow code. The endpoint does not serve workflows yet."""

from typing import Generic

import betterproto
from typing_extensions import TypeVar

from perdure.context import ObjectContext, ReadStateT, SharedObjectContext, StateT
from perdure.operations import Operations

MessageT = TypeVar("MessageT", bound=betterproto.Message)


class DurablePromise(Generic[MessageT]):
    """A promise of a workflow: resolved at most once for each workflow id."""

    def __init__(self, name: str, message: type[MessageT]) -> None:
        self.name = name
        self.message = message


class Promises:
    """The promises of a workflow; generated subclasses have one attribute for each."""


PromisesT = TypeVar("PromisesT", bound=Promises, default=Promises)


class WorkflowContext(ObjectContext[StateT], Generic[StateT, PromisesT]):
    """For the ``run`` handler of a workflow.

    Attributes:
        promises: The promises of this workflow id.
    """

    promises_type: type[PromisesT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        make: type[PromisesT] = getattr(self, "promises_type", Promises)  # type: ignore[arg-type]  # PromisesT's default
        self.promises = make()


class WorkflowSharedContext(SharedObjectContext[ReadStateT], Generic[ReadStateT, PromisesT]):
    """For the shared handlers of a workflow, which run beside ``run`` and after it.

    Attributes:
        promises: The promises of this workflow id.
    """

    promises_type: type[PromisesT]

    def __init__(self, attempt: Operations) -> None:
        super().__init__(attempt)
        make: type[PromisesT] = getattr(self, "promises_type", Promises)  # type: ignore[arg-type]  # PromisesT's default
        self.promises = make()
