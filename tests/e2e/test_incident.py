"""The incident of docs/guides/incident.md, from the first look to the last purge, as its reader goes through it."""

import asyncio
import inspect
import re
import time
from collections.abc import Callable
from pathlib import Path

import perdure
import pytest
from orders.v1 import Item, Order, OrderServiceClient
from playwright.sync_api import Page, expect
from quotes.v1 import BuyerClient, PriceListRequest
from trips.v1 import Trip, TripsClient

from examples import ledger
from examples.demo.processes import ROOT
from tests.docs.page import read_page
from tests.e2e import app_incident
from tests.e2e.app_incident import VERSION
from tests.e2e.walk import Walk, walk
from tests.ui.browser import CHROMIUM, chromium, window

GUIDE = ROOT / "docs" / "guides" / "incident.md"
APP = "tests.e2e.app_incident:app"
BAD = ("o-2", "o-5", "o-7")
ORDERS = [f"o-{number}" for number in range(1, 9)]
MANY = 10_000
AT_ONCE = 500
TIMEOUT_S = 60.0


def order(id: str) -> Order:
    """An order; those of the new shop window name no shelf."""
    customer, sku = ("window", "cup") if id in BAD else ("ada", "cup-b2")
    return Order(id=id, customer=customer, items=[Item(sku=sku, quantity=2, price_cents=900)])


def eventually(holds: Callable[[], bool]) -> None:
    """Asks again until it holds: a node tells nobody."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        assert time.monotonic() < deadline, f"this never came true within {TIMEOUT_S:g} s"
        time.sleep(0.05)


async def ask_for_prices(ingress: str) -> None:
    """Makes so many ended invocations that somebody has to clean up."""
    async with perdure.Client(ingress) as client:
        ask = BuyerClient(client).price_list
        for _ in range(0, MANY, AT_ONCE):
            await asyncio.gather(*(ask(PriceListRequest(skus=["cup"])) for _ in range(AT_ONCE)))


async def answer_meanwhile(ingress: str, work: Callable[[], str]) -> tuple[str, int]:
    """Calls while something else is done; gives its result, and how many calls were answered meanwhile."""
    answered = 0
    async with perdure.Client(ingress) as client:
        doing = asyncio.create_task(asyncio.to_thread(work))
        while not doing.done():
            receipt = await asyncio.wait_for(OrderServiceClient(client).process(order("meanwhile")), 10)
            answered += receipt.order_id == "meanwhile"
        return await doing, answered


def find_in_the_browser(page: Page) -> None:
    """From the overview to the page of one order, as the guide says."""
    page.goto("/ui/")
    page.locator(".troubles").get_by_text("backing off").click()
    expect(page.locator("tr[data-row]")).to_have_count(len(BAD))
    expect(page.locator(".error-text").first).to_contain_text("ValueError: not enough values to unpack")
    page.locator("tr[data-row] a[data-open]").first.click()
    expect(page.locator(".advice")).to_contain_text("or pause it to have time for that")
    expect(page.locator(".headline")).to_contain_text("ValueError: not enough values to unpack")
    expect(page.locator("main")).to_contain_text('"sku": "cup"')
    expect(page.locator("#journal")).to_contain_text("charge")


def ids_of(there: Walk, condition: str) -> list[str]:
    """The invocations that a condition of SQL holds for, oldest first."""
    return there.perdure("sql", "--csv", f"select id from invocation where {condition} order by id").split()[1:]


def test_the_guide_shows_the_code_that_is_served() -> None:
    served = inspect.getsource(app_incident)
    excerpts = [code.text for code in read_page(GUIDE).app]
    assert excerpts
    assert [excerpt for excerpt in excerpts if excerpt not in served] == []


@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}; install it: apt-get install -y chromium")
def test_an_incident_is_found_fixed_and_cleaned_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_LEDGER", str(tmp_path / "ledger.txt"))
    monkeypatch.setenv("EXAMPLE_LATENCY_S", "0")
    with walk(GUIDE, tmp_path) as there, perdure.SyncClient(there.ingress) as client:
        broken = there.serve("127.0.0.1:9081", APP)
        there.names["OLD"] = there.perdure("deployments", "register", broken).split()[0]
        orders = {id: OrderServiceClient(client).process.send(order(id)) for id in ORDERS}
        for id in set(ORDERS) - set(BAD):
            assert orders[id].attach().total_cents == 1_800
        there.names["ID"] = orders[BAD[0]].invocation_id
        eventually(lambda: len(ids_of(there, "failures > 1")) == len(BAD))

        # Found: in the browser, by the command, and by a field of the requests.
        with chromium() as browser, window(browser, f"http://{there.admin}") as opened:
            find_in_the_browser(opened.page)
            assert opened.complaints == []
        there.read("What fails")

        # Stopped, and everything else goes on.
        there.read("Stop the noise")
        assert sorted(ids_of(there, "status = 'paused'")) == sorted(orders[id].invocation_id for id in BAD)

        # Fixed: what does not repeat the journals is seen before it takes any work.
        there.serve("127.0.0.1:9082", APP, {VERSION: "checking"})
        there.serve("127.0.0.1:9083", APP, {VERSION: "fixed"})
        there.read("Fix it")
        assert all(ledger.read(id) == ["charged 1800"] for id in BAD)
        there.read("Go on")
        for id in BAD:
            assert orders[id].attach().total_cents == 1_800
            assert ledger.read(id) == ["charged 1800", "picked from shelf the counter"]
        for id in set(ORDERS) - set(BAD):
            assert ledger.read(id) == ["charged 1800", "picked from shelf b2"]

        # A saga that waits for ever is undone, the last first.
        there.perdure("deployments", "register", there.serve("127.0.0.1:9084", "examples.trip_saga.app:app"))
        stuck = TripsClient(client).book.send(Trip(id="stuck", destination="Lisbon", budget_cents=100))
        there.names["TRIP"] = stuck.invocation_id
        eventually(lambda: "await signal" in there.perdure("invocations", "show", stuck.invocation_id))
        there.read("A saga that is stuck")
        deeds = [line.rpartition(" ")[0] for line in ledger.read("stuck")]
        assert deeds == ["booked flight", "booked hotel", "gave back hotel", "gave back flight"]

        # Thousands are purged while the node answers.
        asyncio.run(ask_for_prices(there.ingress))
        count = "select count(*) as ended from invocation where service = 'quotes.v1.Buyer' and status = 'ended'"
        assert there.perdure("sql", "--csv", count).split() == ["ended", str(MANY)]
        shown, answered = asyncio.run(answer_meanwhile(there.ingress, lambda: there.watch("Clean up")))
        steps = {int(done) for done in re.findall(r"(\d+)/10000", shown)}
        assert "━" in shown
        assert len(steps) >= 3
        assert answered >= 3
        there.read("Clean up", begin=1)
