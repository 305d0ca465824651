"""The pages in a real browser, in front of a real node with a real endpoint."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.browser import CHROMIUM, Watched, chromium, window
from tests.ui.town import Town, town

pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}; install it: apt-get install -y chromium"
)
ORDERS, ACCOUNTS = "orders.v1.OrderService", "accounts.v1.UserAccount"
PAGES = (
    "/ui/",
    "/ui/invocations",
    "/ui/services",
    f"/ui/services/{ORDERS}",
    f"/ui/services/{ORDERS}/Process",
    f"/ui/services/{ORDERS}/Process?json=1",
    "/ui/objects",
    f"/ui/objects/{ACCOUNTS}",
    f"/ui/objects/{ACCOUNTS}/key?key=c1",
    "/ui/awakeables",
    "/ui/deployments",
    "/ui/subscriptions",
    "/ui/schedules",
    "/ui/sql",
    "/ui/cluster",
    "/ui/login",
)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A node that has some of everything: orders that went well, that ended badly, and that are tried again."""
    data = tmp_path_factory.mktemp("node")
    with pytest.MonkeyPatch.context() as environment, town(data / "data") as started:
        environment.setenv("PERDURE_LEDGER", str(data / "ledger.txt"))
        started.send(60)
        started.send(3, "none", "poor")
        started.send(2, "broken", "bad")
        started.wait_until(lambda: started.count("succeeded") == 60 and started.count("backing_off") == 2)
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for all tests."""
    with chromium() as launched:
        yield launched


@pytest.fixture
def watched(browser: Browser, node: Town) -> Iterator[Watched]:
    """A window whose console has nothing to complain about."""
    with window(browser, node.base) as opened:
        yield opened
        assert opened.complaints == []


@pytest.fixture
def page(watched: Watched) -> Page:
    """What is in the window."""
    return watched.page


def one(page: Page, status: str) -> str:
    """The page of an order in a status."""
    page.goto(f"/ui/invocations?service={ORDERS}&status={status}")
    address = page.locator("tr[data-row] a[data-open]").first.get_attribute("href")
    assert address is not None
    return address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_can_be_read_in_light_and_dark(browser: Browser, node: Town, scheme: str) -> None:
    faint = {}
    with window(browser, node.base, color_scheme=scheme) as opened:
        for address in (*PAGES, one(opened.page, "backing_off"), one(opened.page, "failed")):
            opened.page.goto(address)
            faint[address] = opened.faint()

    assert opened.complaints == []
    assert {address: found for address, found in faint.items() if found} == {}


def test_every_page_can_be_read_at_400_percent(browser: Browser, node: Town) -> None:
    wide = []
    # A window of 1,280 pixels at 400 % is one of 320.
    with window(browser, node.base, width=320) as opened:
        for address in (*PAGES, one(opened.page, "backing_off"), one(opened.page, "succeeded")):
            opened.page.goto(address)
            if opened.is_wider_than_the_window():
                wide.append(address)

    assert wide == []


def test_the_list_is_used_by_keys_alone(page: Page) -> None:
    page.goto("/ui/invocations")

    page.keyboard.press("/")
    expect(page.locator("[data-filter]")).to_be_focused()
    page.keyboard.type(ORDERS)
    page.keyboard.press("Enter")
    page.wait_for_url("**/invocations?*service=orders.v1.OrderService*")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    second = page.locator("tr[data-row]").nth(1)
    expect(second).to_be_focused()
    page.keyboard.press("x")
    expect(second.locator("input")).to_be_checked()
    expect(page.locator("#selected")).to_have_text("1 selected")
    id = second.get_attribute("id")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile(f"/ui/invocations/{id}$"))


def test_the_keys_are_shown_and_pages_are_reached_by_them(page: Page) -> None:
    page.goto("/ui/cluster")

    page.keyboard.press("?")
    expect(page.locator("dialog#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog#keys")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("d")

    expect(page.locator("h1")).to_have_text("Deployments")


def test_the_menu_can_be_skipped(page: Page) -> None:
    page.goto("/ui/services")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()


def test_the_list_is_live_and_keeps_what_one_does_in_it(page: Page, node: Town) -> None:
    page.goto(f"/ui/invocations?service={ORDERS}")
    rows = page.locator("tr[data-row]")
    page.keyboard.press("j")
    page.keyboard.press("x")
    chosen = rows.first.get_attribute("id")

    node.send(3, begins="late")
    expect(rows.nth(3)).to_have_id(str(chosen))

    expect(rows.nth(3)).to_be_focused()
    expect(rows.nth(3).locator("input")).to_be_checked()


def test_a_chip_filters(page: Page) -> None:
    page.goto(f"/ui/invocations?service={ORDERS}")

    page.get_by_label("backing off").check(force=True)

    expect(page.locator("tr[data-row]")).to_have_count(2)
    expect(page.locator("#count")).to_have_text("2 fit")
    # The handler's text is shown as it is, and as nothing else.
    expect(page.locator(".error-text").first).to_contain_text("ConnectionError: the bank does not answer <b>now</b>")


def test_a_handler_is_called_by_its_form(page: Page) -> None:
    page.goto(f"/ui/services/{ORDERS}")
    page.get_by_role("link", name="Call Process").click()

    page.get_by_label("id", exact=True).fill("form-1")
    page.get_by_label("customer").fill("carla")
    page.locator('[name="request.items.0.sku"]').fill("book")
    page.get_by_role("button", name="Add one more").click()
    page.locator('[name="request.items.1.sku"]').fill("pen")
    page.locator('[name="request.items.1.quantity"]').fill("2")
    page.locator('[name="request.items.1.price_cents"]').fill("500")
    page.get_by_role("button", name="Call and wait").click()

    expect(page.locator("#outcome")).to_contain_text('"points": "10"')
    page.locator("#outcome a").click()
    expect(page.locator("#journal")).to_contain_text("call accounts.v1.UserAccount/AddPoints")
    expect(page.locator("#tree li")).to_have_count(2)


def test_a_call_that_the_ingress_refuses_says_why(page: Page) -> None:
    page.goto(f"/ui/services/{ACCOUNTS}/AddPoints?json=1")

    page.locator('[name="json"]').fill('{"point": 3}')
    page.get_by_role("button", name="Call and wait").click()

    expect(page.locator("#outcome")).to_contain_text('no field named "point"')


def test_state_is_edited_and_a_conflict_shows_both_sides(page: Page, watched: Watched, node: Town) -> None:
    page.goto(f"/ui/objects/{ACCOUNTS}")
    page.get_by_role("link", name="c3", exact=True).click()
    fields = page.locator('#edit [name="values"]')

    fields.fill('{"points": "70"}')
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("#values")).to_contain_text('"70"')
    node.add_points("c3", 5)
    fields.fill('{"points": "1"}')
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_label("There now")).to_contain_text('"points": "75"')
    expect(page.get_by_label("Yours")).to_contain_text('"points": "1"')
    page.get_by_role("button", name="Keep").click()

    expect(page.locator("#values")).to_contain_text('"1"')
    # The browser tells of the status of the conflict, as it should.
    conflict = [each for each in watched.complaints if "409" in each]
    assert len(conflict) == 1
    watched.complaints.remove(conflict[0])


def test_an_invocation_is_paused_resumed_and_killed(page: Page) -> None:
    page.goto(one(page, "backing_off"))

    page.get_by_role("button", name="Pause").click()
    expect(page.locator("#heading .badge")).to_have_text("paused")
    page.get_by_role("button", name="Resume", exact=True).click()
    expect(page.locator("#heading .badge")).to_have_text(re.compile("backing off|running"))
    page.get_by_role("link", name="Kill").click()
    expect(page.locator("h1")).to_have_text("Kill?")
    page.get_by_role("button", name="Kill").click()

    expect(page.locator("#heading .badge")).to_have_text(re.compile("failed|cancelled"))


def test_an_ended_invocation_is_restarted_from_an_entry(page: Page) -> None:
    page.goto(one(page, "succeeded"))

    page.locator("#journal summary").nth(1).click()
    page.locator("#journal").get_by_role("link", name="Restart from here").click()
    expect(page.locator("main")).to_contain_text("It keeps its journal before entry 2")
    page.get_by_role("button", name="Restart as new").click()

    expect(page.locator(".notice")).to_contain_text("This is the new invocation")
    expect(page.locator("#heading .badge")).to_have_text("succeeded")


def test_a_thousand_are_purged_while_one_watches(page: Page, node: Town) -> None:
    node.send(1_200, "none", "many")
    node.wait_until(lambda: node.count("failed") >= 1_200)
    page.goto(f"/ui/invocations?service={ORDERS}&status=failed")
    seen: list[str] = []
    page.expose_function("seen", lambda value: seen.append(value))
    page.add_init_script(
        """new MutationObserver(() => {
          const bar = document.querySelector("progress");
          if (bar) window.seen(bar.getAttribute("value"));
        }).observe(document, { subtree: true, childList: true, attributes: true })"""
    )

    page.locator('[name="scope"]').select_option("All that fit")
    page.locator('[name="action"]').select_option("Purge")
    page.get_by_role("button", name="Act…").click()
    expect(page.locator("h1")).to_have_text(re.compile(r"Purge 1,2\d\d invocations\?"))
    page.get_by_role("button", name="Purge").click()

    expect(page.locator("#progress")).to_contain_text("This is all.")
    # The bar has shown steps on the way.
    assert len({int(value) for value in seen}) >= 3
    assert node.count("failed") == 0


def test_the_chosen_colours_stay(page: Page) -> None:
    page.goto("/ui/cluster")

    page.get_by_label("Colours").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/ui/services")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 28)"


def test_a_query_runs_by_keys(page: Page) -> None:
    page.goto("/ui/sql")

    page.keyboard.press("/")
    page.keyboard.press("Control+A")
    page.keyboard.type("select count(*) as many from invocation where service = 'orders.v1.OrderService'")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#result th")).to_have_text("many")
    expect(page.locator("#result td")).to_have_text(re.compile(r"\d+"))


def test_an_awakeable_is_resolved_and_its_handler_goes_on(page: Page, node: Town) -> None:
    id = node.ask_to_pay("p-1")
    page.goto(f"/ui/awakeables?invocation_id={id}")

    page.locator("tr[data-row] summary").click()
    page.locator('[name="value"]').fill('{"reference": "r-7"}')
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".notice")).to_contain_text("has its result")
    page.goto(f"/ui/invocations/{id}")

    expect(page.locator("#output")).to_contain_text('"reference": "r-7"')


def test_an_endpoint_is_verified_and_its_services_are_listed(page: Page, node: Town) -> None:
    page.goto("/ui/deployments")

    page.locator('[name="addresses"]').fill(node.endpoint)
    page.get_by_role("button", name="Verify only").click()

    expect(page.locator("#verified")).to_contain_text("the endpoint repeats them all")


def test_everything_is_done_without_a_script(browser: Browser, node: Town) -> None:
    node.send(600, "none", "plain")
    node.wait_until(lambda: node.count("failed") >= 600)
    with window(browser, node.base, java_script_enabled=False) as opened:
        page = opened.page
        page.goto(f"/ui/invocations?service={ORDERS}")
        page.get_by_label("failed").check(force=True)
        page.get_by_role("button", name="Filter").click()
        page.locator('[name="scope"]').select_option("All that fit")
        page.locator('[name="action"]').select_option("Purge")
        page.get_by_role("button", name="Act…").click()
        page.get_by_role("button", name="Purge").click()
        expect(page.locator("#progress")).to_contain_text("500 of 600")
        page.get_by_role("button", name="Go on").click()
        expect(page.locator("#progress")).to_contain_text("This is all.")

    assert node.count("failed") == 0
