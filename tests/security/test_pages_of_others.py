"""A listener without a guard, which only this machine reaches: pages of other sites reach it by a browser."""

import asyncio

import pytest
from perdure_runtime.ingress.server import Ingress

from tests.ingress.http import shop
from tests.ingress.http.invocations import MemoryInvocations, value
from tests.security.doors import HOST, ask


def status(headers: dict[str, str], *, local_names_only: bool = True) -> int:
    """How a call is answered; "PORT" stands for the port in headers."""

    async def told() -> int:
        node = MemoryInvocations(shop.contracts())
        node.rule = lambda submission: value(shop.receipt("o-1"))
        ingress = Ingress(node, HOST, 0, local_names_only=local_names_only)
        await ingress.start()
        try:
            sent = {name: text.replace("PORT", str(ingress.port)) for name, text in headers.items()}
            return (await ask(ingress.port, "POST", shop.PROCESS, sent)).status
        finally:
            await ingress.close(0)

    return asyncio.run(told())


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_site_calls_nothing(origin: str) -> None:
    assert status({"origin": origin}) == 403
    assert status({"origin": origin}, local_names_only=False) == 403


def test_a_page_whose_name_was_made_to_stand_for_this_machine_calls_nothing() -> None:
    rebound = {"origin": "http://evil.example:PORT", "host": "evil.example:PORT"}
    assert status(rebound) == 403
    assert status(rebound, local_names_only=False) == 200


def test_a_page_of_this_machine_and_a_program_call() -> None:
    assert status({"origin": "http://localhost:PORT", "host": "localhost:PORT"}) == 200
    assert status({"host": "host.docker.internal"}) == 200
