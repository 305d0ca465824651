"""Other sites can neither send our forms, nor send anybody on from here; the key of who logs in is for us alone."""

import asyncio
import re
from collections.abc import Mapping

import pytest
from grpclib.const import Status
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.principal import CALLER, Principal, Role

from tests.ui.shop import FAILED, Shop
from tests.ui.visitor import HOST, Page, Visitor

KILL = f"/ui/invocations/{FAILED}/kill"


class Door:
    """Implements ``Login``: it knows one key."""

    def check(self, credential: str) -> None:
        """Lets one key in."""
        if credential != "pk_known":
            raise Refusal(Status.UNAUTHENTICATED, "this API key is none that the node knows")


@pytest.mark.parametrize(
    "site",
    [
        {},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"http://{HOST}.evil.example"},
        {"sec-fetch-site": "cross-site", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "same-site", "origin": f"http://{HOST}"},
        {"sec-fetch-site": "none"},
    ],
)
def test_forms_of_other_sites_do_nothing(site: Mapping[str, str]) -> None:
    shop = Shop()

    page = asyncio.run(Visitor(shop.app(), site=site).post(KILL))

    assert page.status == 403
    assert "nothing was done" in page.words
    assert shop.asked == []


@pytest.mark.parametrize("site", [{"origin": f"http://{HOST}"}, {"sec-fetch-site": "same-origin"}])
def test_our_own_forms_do_what_they_say(site: Mapping[str, str]) -> None:
    shop = Shop()

    page = asyncio.run(Visitor(shop.app(), site=site).post(KILL))

    assert page.status == 303
    assert [method for method, _ in shop.asked] == ["KillInvocation"]


@pytest.mark.parametrize("method", ["kill", "purge", "cancel", "pause", "restart"])
def test_no_link_does_anything(method: str) -> None:
    shop = Shop()

    asyncio.run(Visitor(shop.app()).get(f"/ui/invocations/{FAILED}/{method}"))

    assert {method for method, _ in shop.asked} == {"GetInvocation"}


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/ui/\\evil", "javascript:alert(1)", "/elsewhere", "/ui/\r\nx"]
)
def test_nobody_is_sent_to_another_site(back: str) -> None:
    page = asyncio.run(Visitor(Shop().app()).post("/ui/theme", {"theme": "dark", "back": back}))

    assert page.to == "/ui/"


def test_the_chosen_colours_are_there_from_the_first_byte() -> None:
    async def visit() -> Page:
        visitor = Visitor(Shop().app())
        await visitor.post("/ui/theme", {"theme": "dark", "back": "/ui/cluster"})
        return await visitor.get("/ui/cluster")

    assert 'data-theme="dark"' in asyncio.run(visit()).html


def test_a_key_becomes_a_cookie_that_nobody_else_can_use() -> None:
    page = asyncio.run(
        Visitor(Shop().app(Door())).post("/ui/login", {"credential": " pk_known ", "back": "/ui/invocations"})
    )

    (cookie,) = page.cookies
    assert (page.status, page.to) == (303, "/ui/invocations")
    assert cookie.startswith("perdure_session=pk_known;")
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()


def test_a_wrong_key_is_told_and_not_repeated() -> None:
    page = asyncio.run(Visitor(Shop().app(Door())).post("/ui/login", {"credential": "pk_secret"}))

    assert page.status == 401
    assert "none that the node knows" in page.words
    assert "pk_secret" not in page.html
    assert page.cookies == []


def test_who_leaves_leaves_nothing_behind() -> None:
    async def visit() -> dict[str, str]:
        visitor = Visitor(Shop().app(Door()))
        await visitor.post("/ui/login", {"credential": "pk_known"})
        await visitor.post("/ui/logout")
        return visitor.cookies

    assert asyncio.run(visit()) == {}


def test_a_viewer_is_offered_nothing_that_changes_anything() -> None:
    async def visit() -> list[Page]:
        CALLER.set(Principal("vera", Role.VIEWER))
        visitor = Visitor(Shop().app(Door()))
        pages = ("invocations", f"invocations/{FAILED}", "services/shop.v1.OrderService", "deployments", "schedules")
        keyed = ("subscriptions", "objects/shop.v1.OrderService/key?key=alice", "services/shop.v1.OrderService/Process")
        return [await visitor.get(f"/ui/{each}") for each in (*pages, *keyed)]

    buttons = {word for page in asyncio.run(visit()) for word in re.findall(r"<button[^>]*>([^<]*)", page.html)}
    assert buttons == {"Set", "Log out", "Close", "Filter", "As JSON", "Add one more"}


def test_a_notice_of_nobody_is_not_shown() -> None:
    page = asyncio.run(Visitor(Shop().app(), cookies={"perdure_notice": "bm90IGpzb24"}).get("/ui/cluster"))

    assert page.status == 200
    assert 'class="notice' not in page.html


def test_a_form_that_is_too_large_is_refused() -> None:
    page = asyncio.run(Visitor(Shop().app()).post("/ui/sql", [("x", "1")] * 10_001))

    assert page.status == 400
    assert "the form cannot be read" in page.words
