"""A fresh room for each story."""

import pytest

from tests.partition.room import Room


@pytest.fixture
def room() -> Room:
    return Room()
