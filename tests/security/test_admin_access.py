"""The admin port with a guard: who is not known gets nowhere, and nobody beyond their role."""

import logging
from pathlib import Path

import pytest
from perdure_runtime.admin.roles import LEAST_ROLES
from perdure_runtime.security.keys import NewKey
from perdure_runtime.security.principal import Role

from tests.security.admin_room import REFLECTION, RPCS, Room, paths, play
from tests.security.doors import call
from tests.security.people import ADMIN, CALLER, OPERATOR, VIEWER, bearer, refused
from tests.security.tokens import Provider

OPEN = {"/health", "/ui/login"}
BEARERS = {Role.ADMIN: ADMIN, Role.OPERATOR: OPERATOR, Role.VIEWER: VIEWER, None: CALLER}
PAGE = {"accept": "text/html,*/*"}


def test_every_rpc_has_a_least_role() -> None:
    assert sorted(LEAST_ROLES) == sorted(RPCS)


def test_every_rpc_of_grpc_refuses_who_is_not_known(tmp_path: Path) -> None:
    _, strangers = refused(tmp_path)

    async def story(room: Room) -> None:
        for shown in strangers:
            for rpc in [*RPCS, "Nothing"]:
                assert await room.call(rpc, shown.headers) == "UNAUTHENTICATED", f"{rpc} with {shown.name}"
            assert await call(room.channel, REFLECTION, shown.headers) == "UNAUTHENTICATED"
        assert room.node.done == []

    play(tmp_path, story)


def test_every_path_of_http_refuses_who_is_not_known(tmp_path: Path) -> None:
    _, strangers = refused(tmp_path)
    assert len(paths()) > len(RPCS) + 15, "the pages are among them"

    async def story(room: Room) -> None:
        for path in sorted({*paths()} - OPEN):
            for shown in strangers:
                for method in ("GET", "POST"):
                    answer = await room.ask(path, shown.headers, method)
                    assert answer.status == 401, f"{method} {path} with {shown.name}"
                    assert answer.headers["www-authenticate"] == "Bearer"
        assert room.node.done == []

    play(tmp_path, story)


@pytest.mark.parametrize("role", BEARERS)
def test_nobody_does_more_than_their_role_allows(
    tmp_path: Path, role: Role | None, caplog: pytest.LogCaptureFixture
) -> None:
    # What the node in memory cannot do is no matter here.
    caplog.set_level(logging.CRITICAL)

    async def story(room: Room) -> None:
        for rpc, least in LEAST_ROLES.items():
            may = role is not None and role >= least
            headers = bearer(BEARERS[role])
            assert (await room.call(rpc, headers) != "PERMISSION_DENIED") is may, rpc
            assert ((await room.post(rpc, headers)).status != 403) is may, rpc

    play(tmp_path, story)


def test_a_refusal_names_the_role_that_it_takes(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        answer = await room.post("KillInvocation", bearer(VIEWER))
        sentence = "vera has the role viewer; KillInvocation takes at least operator"
        assert answer.json == {"code": "permission_denied", "message": sentence}

    play(tmp_path, story)


def test_a_token_of_the_provider_has_its_role(tmp_path: Path) -> None:
    provider = Provider(tmp_path)

    async def story(room: Room) -> None:
        headers = bearer(provider.token("EdDSA", roles="viewer"))
        assert (await room.post("KillInvocation", headers)).status == 403
        assert (await room.post("ListDeployments", headers)).status == 200

    play(tmp_path, story, provider=provider)


@pytest.mark.parametrize("bearer_of", [ADMIN, VIEWER])
def test_a_page_is_shown_to_who_has_logged_in(tmp_path: Path, bearer_of: NewKey) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("/ui/sql", {"cookie": f"perdure_session={bearer_of.text}", **PAGE})
        assert answer.status == 200
        assert bearer_of.text not in answer.body.decode()

    play(tmp_path, story)


def test_a_person_who_is_not_known_is_led_to_the_login(tmp_path: Path) -> None:
    async def story(room: Room) -> None:
        for path in ("/ui/", "/ui/invocations"):
            answer = await room.ask(path, PAGE)
            assert (answer.status, answer.headers["location"]) == (303, "/ui/login")
        assert (await room.ask("/ui/login", PAGE)).status == 200
        assert (await room.ask("/openapi.json", PAGE)).status == 401

    play(tmp_path, story)


@pytest.mark.parametrize("public", [True, False])
def test_metrics_can_be_opened_to_the_public(tmp_path: Path, public: bool) -> None:
    async def story(room: Room) -> None:
        assert (await room.ask("/metrics", {})).status == (200 if public else 401)
        assert (await room.ask("/metrics", bearer(VIEWER))).status == 200
        assert (await room.ask("/openapi.json", {})).status == 401

    play(tmp_path, story, public_metrics=public)


@pytest.mark.parametrize("guarded", [True, False])
def test_a_page_of_another_site_does_nothing(tmp_path: Path, guarded: bool) -> None:
    async def story(room: Room) -> None:
        shown = {"cookie": f"perdure_session={ADMIN.text}"}
        for origin in ("https://evil.example", "null", f"http://evil.example:{room.port}", "http://127.0.0.1:1"):
            assert (await room.ask("/ui/sql", {**shown, "origin": origin}, "POST")).status == 403
            assert (await room.ask("/ui/sql", {**shown, "origin": origin})).status == 403
        own = {**shown, "origin": f"http://127.0.0.1:{room.port}"}
        assert (await room.ask("/ui/sql", own)).status == 200

    play(tmp_path, story, guarded=guarded)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9070", "127.0.0.1.evil.example", "[", "a:b:c"])
def test_without_authentication_another_name_does_not_stand_for_this_machine(tmp_path: Path, host: str) -> None:
    async def story(room: Room) -> None:
        for path in ("/ui/sql", "/openapi.json"):
            assert (await room.ask(path, {"host": host})).status == 403

    play(tmp_path, story, guarded=False)


@pytest.mark.parametrize("host", ["localhost", "localhost:9070", "node.localhost", "127.0.0.1:9070", "[::1]:9070"])
def test_without_authentication_this_machine_is_asked_by_its_names(tmp_path: Path, host: str) -> None:
    async def story(room: Room) -> None:
        assert (await room.ask("/openapi.json", {"host": host})).status == 200

    play(tmp_path, story, guarded=False)


@pytest.mark.parametrize(("guarded", "insecure"), [(True, False), (False, True)])
def test_other_names_are_taken_where_people_are_asked_or_nobody_is_to_be(
    tmp_path: Path, guarded: bool, insecure: bool
) -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("/openapi.json", {"host": "perdure.example", **bearer(VIEWER)})
        assert answer.status == 200

    play(tmp_path, story, guarded=guarded, insecure=insecure)
