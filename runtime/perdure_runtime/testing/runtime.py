"""The runtime of a test: the real one, in memory, with a clock that the test moves."""

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Self, TypeVar

import betterproto
from perdure import Endpoint, codec
from perdure.errors import PerdureError, UsageError
from perdure.handlers import Handlers
from perdure.method import ServiceClient

from perdure_runtime.contracts import Contracts
from perdure_runtime.node.node import Node
from perdure_runtime.partition.view import StateDocument
from perdure_runtime.storage.memory import MemoryStorage
from perdure_runtime.testing.client import TestClient
from perdure_runtime.testing.clock import START, TestClock
from perdure_runtime.testing.crashes import Crash, When
from perdure_runtime.testing.everywhere import current_plan
from perdure_runtime.testing.execution import as_tested
from perdure_runtime.testing.journal import InvocationJournal
from perdure_runtime.testing.pace import Pace
from perdure_runtime.testing.record import Record
from perdure_runtime.testing.transport import Habits, TestTransport

M = TypeVar("M", bound=betterproto.Message)
PATIENCE = timedelta(seconds=30)


class TestRuntime:
    """Runs handlers on the runtime that production has, without a socket or a disk::

        async with TestRuntime(Orders(), Accounts(), always_replay=True) as runtime:
            result = await OrderServiceClient(runtime.client).process(order)

    Attributes:
        client: Generated clients take it. It calls private handlers too.
    """

    __test__ = False  # pytest looks at classes of this name.

    client: TestClient

    def __init__(
        self,
        *handlers: Handlers,
        always_replay: bool = False,
        retries: bool = True,
        retention: bool = False,
        clock: Literal["jump", "manual"] = "jump",
        start: datetime = START,
        patience: timedelta = PATIENCE,
    ) -> None:
        """Serves these handlers.

        Args:
            always_replay: A handler starts over with each result that it gets, so that code which does not repeat
                itself raises its JournalMismatch here and not in production.
            retries: False lets the first failure of a handler end its invocation: the call that awaits it raises
                HandlerFailed with the traceback.
            retention: True lets the runtime forget results, journals and workflows when the time that their contracts
                say has passed; else all is kept for the whole test.
            clock: While a call is awaited and nothing else can happen, "jump" lets time pass until the next timer.
                With "manual" it passes in ``skip`` alone.
            start: What the clock shows at first.
            patience: How long, in real time, one call may take.

        Raises:
            EndpointError: The handlers cannot be served together.
            UsageError: The clock is of no such kind.
        """
        if clock not in ("jump", "manual"):
            raise UsageError(f'clock={clock!r}: "jump" lets time pass when nothing else can happen, "manual" by skip()')
        self._endpoint = Endpoint(*handlers)
        self._services = [each.service for each in handlers]
        self._habits = Habits(always_replay=always_replay, retries=retries, retention=retention)
        self._clock = TestClock(start)
        self._storage = MemoryStorage()
        self._open = False
        self._record = Record(self._storage)
        # The same ids in every run: what is derived from them, such as ctx.uuid4(), is the same too.
        self._node = Node(self._storage, self._clock, self._record, random.Random(0).getrandbits)
        self._transport = TestTransport(self._endpoint, self._habits, self._record, self._node.loop.flush)
        self._record.before = self._transport.crashes.before_commit
        self._record.after = self._transport.crashes.after_commit
        self._pace = Pace(
            self._node,
            self._storage,
            self._clock,
            self._record,
            self._transport,
            jumps=clock == "jump",
            patience=patience,
        )
        final: Mapping[str, PerdureError] = {} if retries else self._transport.failures
        self.client = TestClient(self._node.router, self._pace, self._record, final)

    async def __aenter__(self) -> Self:
        plan = current_plan.get()
        if plan is not None:
            plan.follow(self._record, self._transport.crashes)
        await self._node.start()
        contracts = as_tested(Contracts.discovered(self._endpoint.discovery()), self._habits)
        self._node.invoker.add(self._transport, contracts)
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        await self._node.close()
        untold = self._pace.untold()
        if error is None and untold is not None:
            # Of an invocation that nobody awaits: the test would pass with a handler that cannot be replayed.
            raise untold

    @property
    def now(self) -> datetime:
        """What the clock shows, in UTC."""
        return self._clock.now

    async def skip(self, duration: timedelta) -> None:
        """Lets time pass. What is due on the way happens in order, each at its time.

        Raises:
            UsageError: The duration is negative.
            NothingMoves: A handler did not come to rest.
        """
        self._check_open()
        await self._pace.skip(duration)

    async def skip_to_next_timer(self) -> None:
        """Lets time pass until something is due, and lets it happen.

        Raises:
            UsageError: Nothing waits for time.
            NothingMoves: A handler did not come to rest.
        """
        self._check_open()
        await self._pace.skip_to_next_timer()

    async def settle(self) -> None:
        """Waits until all handlers have ended or wait: for time, for each other, or for the test.

        Raises:
            NothingMoves: A handler did not come to rest.
        """
        self._check_open()
        await self._pace.settle()

    async def journal(self, invocation_id: str) -> InvocationJournal:
        """What is durable of an invocation, be it forgotten by the runtime.

        Raises:
            UsageError: There was no such invocation.
        """
        await self._flush()
        recorded = self._record.find(invocation_id)
        if recorded is None:
            raise UsageError(f"there was no invocation {invocation_id!r} in this test{self._known()}")
        return InvocationJournal(recorded, self._endpoint)

    async def journals(self) -> list[InvocationJournal]:
        """What is durable of all invocations, in the order in which they were made."""
        await self._flush()
        return [InvocationJournal(recorded, self._endpoint) for recorded in self._record.all()]

    async def state(self, of: type[M], key: str, *, service: type[ServiceClient] | str | None = None) -> M:
        """The state of a key, as its state message.

        Args:
            of: The state message of the contract, such as AccountState.
            key: Of the object or workflow.
            service: The client class or full name of the service; needed where several have this state message.

        Raises:
            UsageError: No service of this test has such state, or several have.
        """
        await self._flush()
        stored = self._storage.load(StateDocument(self._service_with(of, service), key))
        assert isinstance(stored, dict)
        # Each value is the message with one field set: one after another they are the whole message.
        return codec.decode(of, b"".join(stored.values()))

    def fail_before(
        self,
        *,
        entry: int | None = None,
        step: str | None = None,
        kind: str | None = None,
        invocation: str | None = None,
    ) -> None:
        """Crashes the process of the handlers, once, right before this entry of a journal is durable.

        A step has run by then, and its result is lost: it runs again.

        Args:
            entry: Its place in the journal, from 0.
            step: It is the result of this step.
            kind: Its name in the protocol, such as "sleep", "run" or "completion".
            invocation: Only in the journal of this invocation, by its id.

        Raises:
            UsageError: Nothing was said, or no entry is of this kind.
        """
        self._transport.crashes.order(Crash(When.BEFORE, entry, step, kind, invocation_id=invocation))

    def fail_after(
        self,
        *,
        entry: int | None = None,
        step: str | None = None,
        kind: str | None = None,
        invocation: str | None = None,
    ) -> None:
        """Crashes the process of the handlers, once, right after this entry of a journal is durable.

        Args:
            entry: Its place in the journal, from 0.
            step: It is the result of this step.
            kind: Its name in the protocol, such as "sleep", "run" or "completion".
            invocation: Only in the journal of this invocation, by its id.

        Raises:
            UsageError: Nothing was said, or no entry is of this kind.
        """
        self._transport.crashes.order(Crash(When.AFTER, entry, step, kind, invocation_id=invocation))

    async def _flush(self) -> None:
        self._check_open()
        await self._node.loop.flush()

    def _check_open(self) -> None:
        if not self._open:
            raise UsageError("the runtime of a test runs within its block: async with TestRuntime(...) as runtime")

    def _service_with(self, state: type[betterproto.Message], wanted: type[ServiceClient] | str | None) -> str:
        name = wanted if isinstance(wanted, str) or wanted is None else wanted.service.name
        having = [service.name for service in self._services if service.state is state]
        if name is not None and name not in having:
            raise UsageError(f"{name} has no state {state.__name__} in this test; it is the state of {_list(having)}")
        if name is None and len(having) != 1:
            raise UsageError(f"{state.__name__} is the state of {_list(having)} in this test: say which with service=")
        return name or having[0]

    def _known(self) -> str:
        return "".join(f"\n  {each.row.id} is {each.label}" for each in self._record.all())


def _list(names: list[str]) -> str:
    return " and ".join(names) or "no service"
