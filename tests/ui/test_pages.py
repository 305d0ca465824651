"""Every page is there, says what the node says, and takes nothing of what users wrote for markup."""

import asyncio
import re

import pytest
from google.protobuf.message import Message
from grpclib.const import Status

from tests.ui.shop import FAILED, HOSTILE, RUNNING, Shop, refused
from tests.ui.visitor import Visitor

# Each page, and words that are on it.
PAGES = {
    "/ui/": ("Overview", "shop.v1.OrderService", "1,234", "99th percentile"),
    "/ui/invocations": ("Invocations", "no funds", "alice", "failed", "running", "Next page"),
    "/ui/invocations/count": ("1,234 fit",),
    f"/ui/invocations/{FAILED}": ("run charge", "2 failed", "FAILED_PRECONDITION", "Restart from here", "x-tenant"),
    f"/ui/invocations/{FAILED}/restart?from_entry=2": ("Restart as new?", "before entry 2"),
    f"/ui/invocations/{FAILED}/purge": ("Purge?", "forgotten"),
    "/ui/services": ("Services", "virtual object", "Process"),
    "/ui/services/shop.v1.OrderService": ("Settings", "outcome 1 d", "5 attempts"),
    "/ui/services/shop.v1.OrderService/Process": ("Call and wait", "key", "Idempotency key"),
    "/ui/services/shop.v1.OrderService/Process?json=1": ("Request as JSON", "example"),
    "/ui/objects": ("Objects and workflows", "shop.v1.OrderState"),
    "/ui/objects/shop.v1.OrderService": ("Keys with state", "alice", "Next page"),
    "/ui/objects/shop.v1.OrderService/key?key=alice": ("total", "One writer now", "verified", "In line"),
    "/ui/objects/shop.v1.OrderService/clear?key=alice": ("Clear the state", "2 fields"),
    "/ui/awakeables": ("awk_1", "Resolve"),
    "/ui/deployments": ("dep_1", "127.0.0.1:9000", "breaks callers", "Register an endpoint"),
    "/ui/deployments/dep_1/remove": ("Remove the deployment?", "3 invocations"),
    "/ui/subscriptions": ("orders", "stuck", "offset 7 is none", "0: 41"),
    "/ui/subscriptions/remove?name=orders": ("Remove the subscription?", "orders"),
    "/ui/schedules": ("nightly", "0 3 * * *", "in 1 h"),
    "/ui/schedules/remove?name=nightly": ("Remove the schedule?", "nightly"),
    "/ui/sql": ("Run", "Views", "invocation", "journal_entry"),
    "/ui/cluster": ("n1", "sqlite data/", "alive"),
    "/ui/login": ("asks nobody",),
}


@pytest.mark.parametrize("address", PAGES)
def test_every_page_shows_what_the_node_says(address: str) -> None:
    page = asyncio.run(Visitor(Shop().app()).get(address))

    assert page.status == 200
    assert [words for words in PAGES[address] if words not in page.words] == []


@pytest.mark.parametrize("address", PAGES)
def test_nothing_that_users_wrote_is_taken_for_markup(address: str) -> None:
    page = asyncio.run(Visitor(Shop().app()).get(address))

    assert HOSTILE not in page.html
    assert "<script>" not in page.html
    assert "<b>" not in page.html
    # Nor does it end an attribute: all that stands in tags is ours.
    assert not re.search(r"<[a-z]+[^>]*\salert\(", page.html)


@pytest.mark.parametrize("address", [each for each in PAGES if not each.endswith("/count")])
def test_every_page_can_be_read_aloud(address: str) -> None:
    page = asyncio.run(Visitor(Shop().app()).get(address)).html

    assert '<html lang="en"' in page
    assert page.count("<h1") == 1
    assert '<a class="skip" href="#main">' in page
    assert unlabelled(page) == []


def unlabelled(page: str) -> list[str]:
    """Fields that neither stand in a label nor say what they are."""
    outside = re.sub(r"<label.*?</label>", "", page, flags=re.DOTALL)
    fields = re.findall(r"<(?:input|select|textarea)\b[^>]*>", outside)
    labels = set(re.findall(r'<label for="([^"]*)"', page))
    return [
        field
        for field in fields
        if 'type="hidden"' not in field
        and "aria-label" not in field
        and not labels & set(re.findall(r'\bid="([^"]*)"', field))
    ]


def test_ids_stand_once_in_a_page() -> None:
    async def ids() -> dict[str, list[str]]:
        visitor = Visitor(Shop().app())
        return {each: re.findall(r'\sid="([^"]*)"', (await visitor.get(each)).html) for each in PAGES}

    assert [page for page, found in asyncio.run(ids()).items() if len(found) != len(set(found))] == []


@pytest.mark.parametrize("address", ["/ui/invocations", "/ui/", "/ui/sql", "/ui/static/perdure.css"])
def test_browsers_are_told_to_run_nothing_but_our_own_files(address: str) -> None:
    headers = asyncio.run(Visitor(Shop().app()).get(address)).headers

    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize("address", PAGES)
def test_pages_hold_no_style_and_no_script_that_the_policy_forbids(address: str) -> None:
    page = asyncio.run(Visitor(Shop().app()).get(address)).html

    assert not re.search(r"<[^>]*\s(style|on\w+)=", page)
    assert not re.search(r"<script(?! type=\"module\" src=)", page)


def test_a_refusal_is_shown_as_its_sentence() -> None:
    shop = Shop(refusals={"GetInvocation": refused("there is no invocation 'x'", Status.NOT_FOUND)})

    page = asyncio.run(Visitor(shop.app()).get("/ui/invocations/x"))

    assert page.status == 404
    assert "there is no invocation 'x'" in page.words


def test_what_nobody_foresaw_is_told_with_an_error_id() -> None:
    page = asyncio.run(Visitor(Shop(answered={"GetCluster": broken}).app()).get("/ui/cluster"))

    assert page.status == 500
    assert "its log says why under error id" in page.words
    assert "a secret of the node" not in page.words


def broken(request: object) -> Message:
    """A node with a fault."""
    raise RuntimeError("a secret of the node")


@pytest.mark.parametrize("address", ["/ui/nowhere", "/ui/invocations/a/b/c", "/ui/static/none.css"])
def test_other_addresses_are_no_pages(address: str) -> None:
    assert asyncio.run(Visitor(Shop().app()).get(address)).status == 404


def test_a_page_asks_the_node_once_for_each_thing() -> None:
    shop = Shop()

    asyncio.run(Visitor(shop.app()).get(f"/ui/invocations/{RUNNING}"))

    assert sorted(method for method, _ in shop.asked) == ["GetCallTree", "GetInvocation", "GetJournal"]
