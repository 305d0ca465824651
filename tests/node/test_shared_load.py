"""A deployment of two processes: they share the load, and one goes on when the other dies. Processes are real."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from pathlib import Path

from examples.demo.processes import Service, free_port
from tests.node.app_shared import GATE
from tests.node.fleet import FIRST, SECOND, Fleet, play, text

CALLS = 200
AT_ONCE = 20
# To find a dead process, and to run again elsewhere what it ran.
RESTARTED_S = 1.0


def process(folder: Path, name: str) -> Service:
    """A process of the endpoint."""
    port = free_port()
    return Service(
        name=name,
        arguments=["serve", "tests.node.app_shared:app", "--listen", f"127.0.0.1:{port}"],
        port=port,
        log=folder / f"{name}.log",
        environment={GATE: str(folder / "gate")},
    )


def with_both(folder: Path, story: Callable[[Fleet, Service, Service], Coroutine[None, None, None]]) -> None:
    """Runs a story with two processes behind one deployment, both of which have run something."""
    mortal, survivor = process(folder, "mortal"), process(folder, "survivor")

    async def registered(fleet: Fleet) -> None:
        addresses = [f"127.0.0.1:{each.port}" for each in (mortal, survivor)]
        await fleet.node.administration.register(addresses, force=False, verify=False)
        ran: set[str] = set()
        while len(ran) < 2:
            ran.add(await fleet.call(FIRST))
        await story(fleet, mortal, survivor)

    try:
        for each in (mortal, survivor):
            each.start()
        play(registered)
    finally:
        for each in (mortal, survivor):
            each.stop()


def test_two_processes_run_equally_many_within_a_fifth(tmp_path: Path) -> None:
    async def story(fleet: Fleet, mortal: Service, survivor: Service) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def call() -> str:
            async with room:
                return await fleet.call(FIRST)

        ran = Counter(await asyncio.gather(*(call() for _ in range(CALLS))))
        assert set(ran) == {str(mortal.pid), str(survivor.pid)}
        assert max(ran.values()) <= 1.2 * min(ran.values()), ran

    with_both(tmp_path, story)


def test_what_a_killed_process_ran_goes_on_at_the_other_at_once(tmp_path: Path) -> None:
    async def story(fleet: Fleet, mortal: Service, survivor: Service) -> None:
        begun = [await fleet.node.router.submit(SECOND) for _ in range(AT_ONCE)]
        for each in begun:
            await fleet.until(each, lambda journal: journal[-1].startswith("run 'wait'"))
        killed = str(mortal.kill())
        killed_at = time.monotonic()
        (tmp_path / "gate").touch()
        outcomes = [(await fleet.node.router.attach(each)).outcome for each in begun]
        assert time.monotonic() - killed_at < RESTARTED_S
        assert {text(outcome) for outcome in outcomes} == {str(survivor.pid)} != {killed}

    with_both(tmp_path, story)


def test_calls_go_on_while_a_process_is_killed(tmp_path: Path) -> None:
    async def story(fleet: Fleet, mortal: Service, survivor: Service) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def call() -> str:
            async with room:
                return await fleet.call(FIRST)

        calls = [asyncio.create_task(call()) for _ in range(CALLS)]
        while sum(each.done() for each in calls) < CALLS // 4:
            await asyncio.wait([each for each in calls if not each.done()], return_when=asyncio.FIRST_COMPLETED)
        mortal.kill()
        ran = Counter(await asyncio.gather(*calls))
        assert sum(ran.values()) == CALLS

    with_both(tmp_path, story)
