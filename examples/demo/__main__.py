"""`make demo`: an order survives kill -9 of the process that runs it, and of the runtime."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import perdure
from orders.v1 import Item, Order, OrderServiceClient, Receipt
from rich.console import Console

from examples import ledger
from examples.demo.journal import acknowledged_steps
from examples.demo.town import Town, town

ORDER = {
    "id": "o-1",
    "customer": "ada",
    "card": "4242 4242 4242 4242",
    "items": [
        {"sku": "kettle", "quantity": 1, "priceCents": "4200"},
        {"sku": "teapot", "quantity": 1, "priceCents": "3100"},
        {"sku": "cup", "quantity": 6, "priceCents": "450"},
    ],
}
TIMEOUT_S = 60.0

console = Console(highlight=False)


def tell(text: str) -> None:
    """Says what we do."""
    console.print(f"[bold cyan]▸[/] {text}")


def boom(text: str) -> None:
    """Says what we break."""
    console.print(f"[bold red]✗ {text}[/]")


def main() -> int:
    """Runs the story and checks how it ends; the exit code says whether it held."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="perdure-demo-") as name:
        directory = Path(name)
        os.environ["PERDURE_LEDGER"] = str(directory / "ledger.txt")
        console.rule("[bold]perdure: an order that survives kill -9")
        tell("starting a runtime and three endpoints: orders, accounts, mail (four processes, SQLite on disk)")
        with town(directory) as processes:
            processes.register()
            held = story(processes)
        console.rule(f"[bold]{'it held' if held else 'it did NOT hold'}, after {time.monotonic() - started:.1f} s")
    return 0 if held else 1


def story(processes: Town) -> bool:
    """Submit, kill, kill, wait, compare."""
    tell("submitting order o-1 with curl, idempotency key [bold]o-1[/]")
    console.print(f"  [dim]{' '.join(curl_command(processes.ingress)[:4])} …[/]")
    curl = subprocess.Popen(curl_command(processes.ingress), stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    wait_for_step(processes, "charge")
    boom(f"kill -9 {processes.endpoints['orders'].kill()}: the orders endpoint dies while it reserves the kettle")
    show_ledger("the card is charged, nothing is reserved, and the process that knew is gone")
    tell(f"starting the orders endpoint again: pid {processes.endpoints['orders'].start()}")

    wait_for_step(processes, "reserve kettle")
    boom(f"kill -9 {processes.runtime.kill()}: the runtime dies, and curl's connection with it")
    _, errors = curl.communicate(timeout=TIMEOUT_S)
    console.print(f"  [dim]{errors.decode().strip() or 'curl lost its connection'}[/]")
    show_ledger("half of the order is done")
    tell(f"starting the runtime again: pid {processes.runtime.start()}")

    tell("submitting the same order again, now with the generated Python client and the same key")
    by_client = asyncio.run(submit_by_client(processes.ingress))
    console.print(f"  {by_client}")
    tell("and once more with curl")
    answer = subprocess.run(curl_command(processes.ingress), stdout=subprocess.PIPE, check=True, timeout=TIMEOUT_S)
    by_curl = json.loads(answer.stdout)
    console.print(f"  {json.dumps(by_curl)}")
    wait_for_line('mailed "do not forget the members\' evening"', about="ada")
    return judge(by_client, by_curl)


def judge(by_client: Receipt, by_curl: dict[str, str]) -> bool:
    """Whether each step ran once, and all submissions gave one result."""
    show_ledger("the ledger at the end")
    lines = ledger.read("o-1") + ledger.read("ada")
    twice = [line for line, times in Counter(lines).items() if times > 1]
    same = by_client.payment_id == by_curl["paymentId"] and len(ledger.read("o-1")) == 1 + len(ORDER["items"])
    verdict(not twice, "each step whose result was journaled ran exactly once", f"ran more than once: {twice}")
    verdict(same, "every submission returned the one result of the one order", "the submissions differ")
    return not twice and same


def verdict(good: bool, yes: str, no: str) -> None:
    """One line of the verdict."""
    console.print(f"[bold green]✓ {yes}[/]" if good else f"[bold red]✗ {no}[/]")


def show_ledger(title: str) -> None:
    """What the outside world has seen so far."""
    console.print(f"  [italic]{title}:[/]")
    for about in ("o-1", "ada"):
        for line in ledger.read(about):
            console.print(f"    [yellow]{about}[/] {line}")


def wait_for_step(processes: Town, name: str) -> None:
    """Waits until the result of a step is in the journal: from then on it never runs again."""
    deadline = time.monotonic() + TIMEOUT_S
    while name not in acknowledged_steps(processes.data):
        if time.monotonic() > deadline:
            raise TimeoutError(f"step {name!r} has no result after {TIMEOUT_S:g} s")
        time.sleep(0.005)
    console.print(f"  [green]journaled:[/] {', '.join(acknowledged_steps(processes.data))}")


def wait_for_line(start: str, about: str = "o-1") -> None:
    """Waits until the ledger has a line about something."""
    deadline = time.monotonic() + TIMEOUT_S
    while not any(line.startswith(start) for line in ledger.read(about)):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the ledger has no line {start!r} about {about} after {TIMEOUT_S:g} s")
        time.sleep(0.005)


def curl_command(ingress: str) -> list[str]:
    """How anybody calls a handler."""
    return [
        *("curl", "--silent", "--show-error", f"http://{ingress}/orders.v1.OrderService/Process"),
        *("--header", "content-type: application/json", "--header", "idempotency-key: o-1"),
        *("--data", json.dumps(ORDER)),
    ]


async def submit_by_client(ingress: str) -> Receipt:
    """How a Python program calls a handler."""
    items = [Item(sku="kettle", quantity=1, price_cents=4200), Item(sku="teapot", quantity=1, price_cents=3100)]
    items.append(Item(sku="cup", quantity=6, price_cents=450))
    order = Order(id="o-1", customer="ada", card="4242 4242 4242 4242", items=items)
    async with perdure.Client(ingress) as client:
        return await OrderServiceClient(client).process(order, idempotency_key="o-1")


if __name__ == "__main__":
    sys.exit(main())
