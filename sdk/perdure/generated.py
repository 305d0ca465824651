"""All that generated code uses: protoc-gen-perdure writes code that imports from here and nowhere else.

Generated packages look like this, after the betterproto classes of their messages::

    class UserAccountStateFields(_perdure.State):
        balance = _perdure.StateField[float]("balance")

    class UserAccountReadStateFields(_perdure.ReadState):
        balance = _perdure.ReadStateField[float]("balance")

    class UserAccountContext(_perdure.ObjectContext[UserAccountStateFields]):
        state_type = UserAccountStateFields

    class UserAccountSharedContext(_perdure.SharedObjectContext[UserAccountReadStateFields]):
        state_type = UserAccountReadStateFields

    USER_ACCOUNT = _perdure.Service(
        name="shop.v1.UserAccount",
        kind=_perdure.ServiceKind.VIRTUAL_OBJECT,
        handlers=(
            _perdure.Handler(
                name="UpdateBalance", method="update_balance", kind=_perdure.HandlerKind.EXCLUSIVE,
                request=UpdateBalanceRequest, response=Balance, key_field="account",
            ),
            ...
        ),
        state=AccountState,
        context=UserAccountContext,
        shared_context=UserAccountSharedContext,
    )

    class UserAccountHandlers(_perdure.Handlers):
        service = USER_ACCOUNT

        @_abc.abstractmethod
        async def update_balance(self, ctx: UserAccountContext, request: UpdateBalanceRequest) -> Balance: ...

    class UserAccountClient(_perdure.ObjectClient[_perdure.CallerT]):
        service = USER_ACCOUNT
        update_balance = _perdure.Rpc[UpdateBalanceRequest, Balance]("UpdateBalance")

    _perdure.bind(_FILES, {"shop.v1.Order": Order, ...})

Workflows add ``class SignupPromises(_perdure.Promises)`` with ``email_verified =
_perdure.DurablePromise[Verification]("email_verified", Verification)``, and contexts ``SignupContext(
_perdure.WorkflowContext[SignupStateFields, SignupPromises])`` and ``SignupSharedContext(
_perdure.WorkflowSharedContext[SignupReadStateFields, SignupPromises])`` with ``state_type`` and
``promises_type``. The run of a workflow is a ``RunRpc`` of its client. Fields that betterproto renamed are
``StateField[float]("from", "from_")``. An object without state takes ``_perdure.ObjectContext`` as it is. Enums derive
from ``_perdure.Enum``.

Being generic in its caller, a client gives awaitables on a context or a ``Client``, and results on a ``SyncClient``.
"""

from perdure.calls import CallerT
from perdure.codec import bind
from perdure.context import Context, ObjectContext, SharedObjectContext
from perdure.enums import Enum
from perdure.handlers import Handlers
from perdure.method import Method, ObjectClient, Rpc, ServiceClient
from perdure.run_method import RunRpc
from perdure.service import Handler, HandlerKind, Service, ServiceKind
from perdure.state import ReadState, ReadStateField, State, StateField
from perdure.workflow import DurablePromise, Promises, WorkflowContext, WorkflowSharedContext

__all__ = [
    "CallerT",
    "Context",
    "DurablePromise",
    "Enum",
    "Handler",
    "HandlerKind",
    "Handlers",
    "Method",
    "ObjectClient",
    "ObjectContext",
    "Promises",
    "ReadState",
    "ReadStateField",
    "Rpc",
    "RunRpc",
    "Service",
    "ServiceClient",
    "ServiceKind",
    "SharedObjectContext",
    "State",
    "StateField",
    "WorkflowContext",
    "WorkflowSharedContext",
    "bind",
]
