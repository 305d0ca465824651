"""Which commands the tests of this folder are about."""

from collections.abc import Callable
from typing import TypeVar

Test = TypeVar("Test", bound=Callable[..., object])

COVERED: set[str] = set()


def covers(*commands: str) -> Callable[[Test], Test]:
    """Says that a test runs these commands, such as "invocations list"."""

    def marked(test: Test) -> Test:
        COVERED.update(commands)
        return test

    return marked
