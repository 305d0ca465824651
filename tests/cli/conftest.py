"""One node and one endpoint for all tests of commands."""

from collections.abc import Iterator

import pytest

from tests.cli.town import Town, town


@pytest.fixture(scope="session")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node that runs, and the command that asks it."""
    with town(tmp_path_factory.mktemp("town")) as started:
        yield started
