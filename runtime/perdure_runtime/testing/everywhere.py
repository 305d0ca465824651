"""A test that is run again and again, with a crash at another place each time."""

import contextvars
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from perdure.errors import UsageError

from perdure_runtime.testing.crashes import Crash, Crashes, When
from perdure_runtime.testing.record import Place, Record


@dataclass(slots=True)
class Plan:
    """One run of a scenario.

    Attributes:
        crash: What happens in it; None for the first run, which shows where crashes can be.
        record: Of the runtime that the scenario has opened.
    """

    crash: Crash | None
    record: Record | None = None
    _crashes: Crashes | None = field(default=None)

    def follow(self, record: Record, crashes: Crashes) -> None:
        """A runtime is opened. Raises UsageError for the second one."""
        if self.record is not None:
            raise UsageError("crash_everywhere takes a scenario that opens one TestRuntime, and this one opens several")
        self.record, self._crashes = record, crashes
        if self.crash is not None:
            crashes.order(self.crash)

    @property
    def crashed(self) -> bool:
        """Whether the crash has been."""
        return self._crashes is not None and not self._crashes.ordered


current_plan: contextvars.ContextVar[Plan | None] = contextvars.ContextVar("perdure_crash_plan", default=None)


async def crash_everywhere(scenario: Callable[[], Awaitable[None]]) -> list[str]:
    """Runs a scenario once as it is, and then with a crash right before and right after each journal entry.

    The scenario is an async function that opens one ``TestRuntime``, does something and asserts what must hold: in all
    runs. It makes anew whatever it counts.

    Returns:
        The places of the crashes, as people read them.

    Raises:
        UsageError: The scenario opens no runtime, or several.
        AssertionError: A run did not come to the place of its crash, since the scenario differs from run to run.
        Exception: What the scenario raised; a note says where the crash was.
    """
    # A test that @durable makes is run in this loop.
    scenario = inspect.unwrap(scenario)
    crashed: list[str] = []
    for place in await _places(scenario):
        for when in When:
            where = f"{when.value} {place}"
            plan = Plan(Crash(when, entry=place.index, kind=place.kind, label=place.label))
            try:
                await _run(scenario, plan)
            except Exception as error:
                error.add_note(f"with a crash {where}")
                raise
            if not plan.crashed:
                raise AssertionError(f"the scenario never came to a crash {where}: it differs from run to run")
            crashed.append(where)
    return crashed


async def _places(scenario: Callable[[], Awaitable[None]]) -> list[Place]:
    plan = Plan(None)
    await _run(scenario, plan)
    if plan.record is None:
        raise UsageError("crash_everywhere takes a scenario that opens a TestRuntime, and this one opens none")
    return plan.record.places


async def _run(scenario: Callable[[], Awaitable[None]], plan: Plan) -> None:
    token = current_plan.set(plan)
    try:
        await scenario()
    finally:
        current_plan.reset(token)
