"""Tests of a fleet in virtual time."""

from collections.abc import Awaitable, Callable

from tests.membership.fleet import Fleet
from tests.simulation import loop


def virtual(test: Callable[[Fleet], Awaitable[None]]) -> Callable[[], None]:
    """The test of a fleet, in virtual time."""

    # Else pytest would look for a fixture of the name of the argument.
    def run() -> None:
        async def main() -> None:
            await test(Fleet())

        loop.run(main())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run
