"""A workflow as generated code would give it, whose handlers each test brings along."""

from collections.abc import Awaitable, Callable

from perdure import Endpoint, WorkflowContext, WorkflowSharedContext
from perdure.calls import CallerT
from perdure.handlers import Handlers
from perdure.method import ObjectClient, Rpc
from perdure.run_method import RunRpc
from perdure.service import Handler, HandlerKind, Service, ServiceKind
from perdure.workflow import DurablePromise, Promises

from tests.sdk.contract import PACKAGE, CounterReader, CounterState, CounterWriter, Word


class FlowPromises(Promises):
    """The promises of a flow."""

    verified = DurablePromise[Word]("verified", Word)


class FlowContext(WorkflowContext[CounterWriter, FlowPromises]):
    """For the run."""

    state_type = CounterWriter
    promises_type = FlowPromises


class FlowSharedContext(WorkflowSharedContext[CounterReader, FlowPromises]):
    """For the handlers beside it."""

    state_type = CounterReader
    promises_type = FlowPromises


FLOW = Service(
    f"{PACKAGE}.Flow",
    ServiceKind.WORKFLOW,
    (
        Handler("Run", "run", Word, Word, HandlerKind.RUN, key_field="counter"),
        Handler("Verify", "verify", Word, Word, HandlerKind.SHARED, key_field="counter"),
    ),
    state=CounterState,
    context=FlowContext,
    shared_context=FlowSharedContext,
)

RunHandler = Callable[[FlowContext, Word], Awaitable[Word]]
VerifyHandler = Callable[[FlowSharedContext, Word], Awaitable[Word]]


async def _nothing(ctx: FlowContext | FlowSharedContext, request: Word) -> Word:
    return Word()


class Flow(Handlers):
    """Does what a test says."""

    service = FLOW

    def __init__(self, run: RunHandler, verify: VerifyHandler) -> None:
        self._run = run
        self._verify = verify

    async def run(self, ctx: FlowContext, request: Word) -> Word:
        """Runs the test's handler."""
        return await self._run(ctx, request)

    async def verify(self, ctx: FlowSharedContext, request: Word) -> Word:
        """Runs the test's handler."""
        return await self._verify(ctx, request)


class FlowClient(ObjectClient[CallerT]):
    """Calls Flow."""

    service = FLOW
    run = RunRpc[Word, Word]("Run")
    verify = Rpc[Word, Word]("Verify")


def flow(run: RunHandler = _nothing, verify: VerifyHandler = _nothing) -> Endpoint:
    """An endpoint that serves the workflow."""
    return Endpoint(Flow(run, verify))
