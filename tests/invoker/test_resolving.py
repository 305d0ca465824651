"""How many processes a host name stands for."""

import asyncio
from collections.abc import Sequence

import pytest
from perdure_runtime.invoker.resolving import processes_at


@pytest.mark.parametrize(
    ("found", "processes"),
    [
        (["10.0.0.2", "10.0.0.1"], ("10.0.0.1:9080", "10.0.0.2:9080")),
        (["10.0.0.1"], ("shop:9080",)),
        (["127.0.0.1", "::1"], ("shop:9080",)),
        (["10.0.0.1", "fd00::1", "10.0.0.2", "fd00::2"], ("10.0.0.1:9080", "10.0.0.2:9080")),
        (["10.0.0.1", "fd00::1", "fd00::2"], ("[fd00::1]:9080", "[fd00::2]:9080")),
        (["10.0.0.1", "10.0.0.1"], ("shop:9080",)),
    ],
    ids=["two", "one", "one on both versions", "two on both versions", "two on version 6", "one twice"],
)
def test_a_name_stands_for_as_many_processes_as_it_has_addresses_of_one_version(
    found: list[str], processes: tuple[str, ...]
) -> None:
    async def look_up(host: str) -> Sequence[str]:
        assert host == "shop"
        return found

    assert asyncio.run(processes_at("shop:9080", look_up)) == processes


@pytest.mark.parametrize("address", ["10.0.0.1:9080", "[::1]:9080"])
def test_an_ip_address_is_asked_of_nobody(address: str) -> None:
    async def look_up(host: str) -> Sequence[str]:
        raise AssertionError(f"{host} was looked up")

    assert asyncio.run(processes_at(address, look_up)) == (address,)


def test_the_system_knows_this_machine() -> None:
    assert asyncio.run(processes_at("localhost:9080")) == ("localhost:9080",)
