"""The pytest plugin: the fixture ``perdure_runtime``, and a loop for the ``async def`` tests that use it.

pytest loads it wherever perdure is installed, so it imports nothing of perdure until a test asks for it.
"""

import asyncio
import inspect
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from perdure_runtime.testing.runtime import TestRuntime

FIXTURE = "perdure_runtime"
# Marks of plugins that run async tests themselves.
TAKEN = ("asyncio", "anyio", "trio", "tornasync")


@pytest.fixture
def perdure_runtime() -> "type[TestRuntime]":
    """``async with perdure_runtime(Orders(), Accounts()) as runtime:`` runs these handlers in memory."""
    from perdure_runtime.testing.runtime import TestRuntime

    return TestRuntime


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Runs an async test that uses the fixture, unless it is another plugin's."""
    test = pyfuncitem.obj
    if FIXTURE not in pyfuncitem.fixturenames or not inspect.iscoroutinefunction(test):
        return None
    if any(pyfuncitem.get_closest_marker(mark) is not None for mark in TAKEN):
        return None
    asyncio.run(test(**{name: pyfuncitem.funcargs[name] for name in inspect.signature(test).parameters}))
    return True
