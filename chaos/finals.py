"""What is there at the end, asked through the API as anybody would."""

import asyncio
from collections.abc import Iterable

from ordeal.v1 import (
    AccountClient,
    BoxClient,
    CounterClient,
    ShowBalanceRequest,
    ShowBoxRequest,
    ShowCountRequest,
)

from chaos.asking import Asker
from chaos.history import Balance, Box, Count, Event, Posted, Recorder
from chaos.load import ACCOUNTS, BOXES, COUNTERS, PROBES

PAUSE_S = 0.5


async def record_finals(ask: Asker, recorder: Recorder, patience_s: float) -> None:
    """Reads all state into the history; letters that are accepted get so long to arrive."""
    for counter in (*COUNTERS, *PROBES):
        recorder.add(await _count(ask, counter))
    for account in ACCOUNTS:
        recorder.add(await _balance(ask, account))
    expected = _expected(recorder.events)
    deadline = asyncio.get_running_loop().time() + patience_s
    for box in BOXES:
        found = await _open(ask, box)
        while {id for id, _ in found.letters} < expected[box] and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(PAUSE_S)
            found = await _open(ask, box)
        recorder.add(found)


async def _count(ask: Asker, counter: str) -> Count:
    request = ShowCountRequest()
    _, count = await ask(f"final/{counter}", "show", lambda client: CounterClient(client, counter).show(request))
    return Count(counter, count.value)


async def _balance(ask: Asker, account: str) -> Balance:
    request = ShowBalanceRequest()
    _, balance = await ask(f"final/{account}", "show", lambda client: AccountClient(client, account).show(request))
    return Balance(account, balance.amount)


async def _open(ask: Asker, box: str) -> Box:
    _, found = await ask(f"final/{box}", "show", lambda client: BoxClient(client, box).show(ShowBoxRequest()))
    return Box(box, [(letter.id, letter.arrived_ms) for letter in found.letters])


def _expected(events: Iterable[Event]) -> dict[str, set[str]]:
    expected: dict[str, set[str]] = {box: set() for box in BOXES}
    for event in events:
        if isinstance(event, Posted):
            for letter, box in event.letters.items():
                expected[box].add(letter)
    return expected
