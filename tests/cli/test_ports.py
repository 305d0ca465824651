"""Addresses that several processes will share: kept for them, and refused where somebody else is there."""

import asyncio
import socket

import pytest
from perdure_runtime.cli.ports import free_ports, shared_address
from perdure_runtime.cli.problem import Problem
from perdure_runtime.ingress.connection import Connection
from perdure_runtime.ingress.listener import Listener


def listener(port: int, *, reuse_port: bool) -> Listener:
    """One of many that nobody calls."""

    def make(is_http2: bool) -> Connection:
        raise AssertionError("nobody calls")

    return Listener("127.0.0.1", port, make, 1.0, reuse_port=reuse_port)


def test_two_listeners_share_an_address_that_is_kept_for_them() -> None:
    async def listen() -> None:
        with shared_address("--ingress", ("127.0.0.1", 0)) as (_, port):
            two = [listener(port, reuse_port=True) for _ in range(2)]
            for each in two:
                await each.start()
            assert [each.port for each in two] == [port, port]
            for each in two:
                await each.close(0)

    asyncio.run(listen())


@pytest.mark.parametrize("reuse_port", [False, True], ids=["alone", "shared"])
def test_an_address_where_somebody_listens_is_refused(reuse_port: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=reuse_port) as taken:
        address = ("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(Problem, match=r"in use.*; choose another with --admin"), shared_address("--admin", address):
            pass


def test_free_ports_are_different_ones() -> None:
    assert len(set(free_ports("127.0.0.1", 20))) == 20
