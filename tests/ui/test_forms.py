"""What forms do: each asks the node for just that, says what came of it, and needs no script."""

import asyncio

import pytest
from grpclib.const import Status
from perdure_protos.perdure.admin.v1.invocations_pb2 import ActOnInvocationsResponse, BulkAction
from perdure_runtime.ingress.refusal import Refusal

from tests.ui.shop import FAILED, Shop, refused, state
from tests.ui.visitor import Page, Visitor

SERVICE = "/ui/services/shop.v1.OrderService"
KEY = "/ui/objects/shop.v1.OrderService/key"


def post(shop: Shop, address: str, fields: dict[str, str] | list[tuple[str, str]]) -> Page:
    """Sends a form, and follows where it leads."""

    async def visit() -> Page:
        visitor = Visitor(shop.app())
        page = await visitor.post(address, fields)
        if page.status != 303:
            return page
        then = await visitor.get(page.to)
        assert "perdure_notice" not in visitor.cookies, "a notice is told once"
        return then

    return asyncio.run(visit())


@pytest.mark.parametrize(
    ("act", "method", "told"),
    [
        ("pause", "PauseInvocation", "Paused"),
        ("resume", "ResumeInvocation", "Resumed"),
        ("cancel", "CancelInvocation", "Asked to end"),
        ("kill", "KillInvocation", "Killed"),
        ("purge", "PurgeInvocation", f"Purged {FAILED}"),
    ],
)
def test_an_act_on_an_invocation_is_asked_for_and_told(act: str, method: str, told: str) -> None:
    shop = Shop()

    page = post(shop, f"/ui/invocations/{FAILED}/{act}", {})

    assert shop.request(method).invocation_id == FAILED
    assert told in page.words


def test_resuming_on_the_newest_says_so() -> None:
    shop = Shop()

    post(shop, f"/ui/invocations/{FAILED}/resume_on_newest", {})

    assert shop.request("ResumeInvocation").on_newest


def test_a_restart_from_an_entry_leads_to_the_new_invocation() -> None:
    shop = Shop()

    page = post(shop, f"/ui/invocations/{FAILED}/restart", {"from_entry": "2"})

    assert shop.request("RestartInvocation").from_entry == 2
    assert shop.request("GetInvocation").invocation_id == "inv_0000new"
    assert f"in place of {FAILED}" in page.words


def test_an_act_that_is_refused_leads_back_with_the_sentence() -> None:
    shop = Shop(refusals={"PauseInvocation": refused("it has ended; there is nothing to pause")})

    page = post(shop, f"/ui/invocations/{FAILED}/pause", {})

    assert "it has ended; there is nothing to pause" in page.words


def test_the_filter_is_sent_whole() -> None:
    shop = Shop()

    asyncio.run(
        Visitor(shop.app()).get(
            "/ui/invocations?service=a.B&handler=C&key=k&status=failed&status=paused&older_than=5+min&younger_than=2h"
            "&deployment_id=d&error_contains=no+money&idempotency_key=i&caller_id=inv_1&page=p&oldest=1"
        )
    )

    request = shop.request("ListInvocations")
    wanted = request.filter
    assert (wanted.service, wanted.handler, wanted.key, wanted.deployment_id) == ("a.B", "C", "k", "d")
    assert (list(wanted.statuses), wanted.error_contains) == (["failed", "paused"], "no money")
    assert (wanted.min_age_ms, wanted.max_age_ms) == (300_000, 7_200_000)
    assert (wanted.idempotency_key, wanted.caller_id) == ("i", "inv_1")
    assert (request.page_token, request.oldest_first, request.page_size) == ("p", True, 50)


def test_a_filter_that_is_wrong_stays_to_be_put_right() -> None:
    page = asyncio.run(Visitor(Shop().app()).get("/ui/invocations?older_than=soon"))

    assert page.status == 400
    assert "older than is 'soon'; write a number and a unit" in page.words
    assert 'value="soon"' in page.html


def test_many_are_acted_on_only_after_their_number_was_shown() -> None:
    shop = Shop()

    page = post(
        shop, "/ui/invocations/bulk", [("status", "failed"), ("scope", "filter"), ("action", "purge"), ("id", "inv_1")]
    )

    assert "Purge 1,234 invocations?" in page.words
    assert list(shop.request("CountInvocations").filter.ids) == []
    assert "ActOnInvocations" not in [method for method, _ in shop.asked]


def test_a_selection_is_acted_on_alone() -> None:
    shop = Shop()

    post(shop, "/ui/invocations/bulk", [("scope", "selection"), ("action", "kill"), ("id", "inv_1"), ("id", "inv_2")])

    assert list(shop.request("CountInvocations").filter.ids) == ["inv_1", "inv_2"]


def test_nothing_selected_is_not_everything() -> None:
    shop = Shop()

    page = post(shop, "/ui/invocations/bulk", [("scope", "selection"), ("action", "kill"), ("status", "running")])

    assert "Nothing is selected" in page.words
    assert shop.request("ListInvocations").filter.statuses == ["running"]


def test_bulk_work_goes_on_page_by_page_until_all_is_done() -> None:
    shop = Shop()
    begun = {"action": "purge", "status": "failed", "total": "750"}

    first = post(shop, "/ui/invocations/bulk/run", begun)
    shop.answers["ActOnInvocations"] = ActOnInvocationsResponse(
        done=240, refused=10, refusals=[ActOnInvocationsResponse.Refusal(invocation_id="inv_9", reason="it runs")]
    )
    last = post(shop, "/ui/invocations/bulk/run", {**begun, "token": "second", "done": "500", "refused": "0"})

    assert "500 of 750" in first.words
    assert 'name="token" value="second"' in first.html
    request = shop.request("ActOnInvocations")
    assert (request.action, request.page_token, list(request.filter.statuses)) == (
        BulkAction.PURGE,
        "second",
        ["failed"],
    )
    assert "740 purged, 10 left as they were. This is all." in last.words
    assert "inv_9: it runs" in last.words
    assert "data-continue" not in last.html


def test_settings_of_a_service_are_set_together() -> None:
    shop = Shop()

    page = post(
        shop,
        f"{SERVICE}/settings",
        {"public": "no", "journal_retention_ms": "7d", "max_attempts": "3", "factor": "1.5", "then": "pause"},
    )

    settings = shop.request("UpdateService").settings
    assert (settings.public, settings.journal_retention_ms) == (False, 604_800_000)
    assert settings.HasField("public")
    assert not settings.HasField("abort_timeout_ms")
    assert (settings.retry.max_attempts, settings.retry.factor, settings.retry.pause) == (3, 1.5, True)
    assert "The settings are kept" in page.words


def test_settings_are_cleared_by_empty_ones() -> None:
    shop = Shop()

    post(shop, f"{SERVICE}/settings", {"clear": "1", "public": "no"})

    assert not shop.request("UpdateService").settings.ListFields()


def test_a_call_of_the_form_is_the_request_in_json() -> None:
    shop = Shop()

    page = post(
        shop,
        f"{SERVICE}/Process",
        {
            "request.id": "o-1",
            "request.cents": "9007199254740993",
            "request.gift": "true",
            "request.items.0.sku": "book",
            "request.items.1.sku": "",
            "idempotency_key": "once",
            "go": "call",
        },
    )

    (call,) = shop.called
    assert (call.service, call.handler, call.idempotency_key, call.one_way) == (
        "shop.v1.OrderService",
        "Process",
        "once",
        False,
    )
    assert "".join(call.request.split()) == (
        '{"id":"o-1","cents":"9007199254740993","gift":true,"items":[{"sku":"book"}]}'
    )
    assert '"total": "<7>"' in page.words
    assert "inv_0000called" in page.html


def test_a_field_that_cannot_be_read_stays_to_be_put_right() -> None:
    shop = Shop()

    page = post(shop, f"{SERVICE}/Process", {"request.id": "o-1", "request.count": "many", "go": "call"})

    assert "count is 'many'; write a whole number" in page.words
    assert 'value="o-1"' in page.html
    assert shop.called == []


def test_the_form_turns_into_json() -> None:
    page = post(Shop(), f"{SERVICE}/Process", {"request.id": "o-1", "go": "to_json"})

    assert "Request as JSON" in page.words
    assert '"id": "o-1"' in page.words


def test_a_send_leads_to_its_invocation() -> None:
    shop = Shop()

    page = post(shop, f"{SERVICE}/Process", {"json": '{"id": "o-1"}', "go": "send"})

    assert shop.called[0].one_way
    assert shop.request("GetInvocation").invocation_id == "inv_0000called"
    assert "Sent: this is its invocation" in page.words


def test_a_call_that_fails_shows_the_error_and_its_invocation() -> None:
    failure = Refusal(Status.FAILED_PRECONDITION, "insufficient funds", invocation_id="inv_7")

    page = post(Shop(refusals={"call": failure}), f"{SERVICE}/Process", {"json": "{}", "go": "call"})

    assert "failed precondition" in page.words
    assert "insufficient funds" in page.words
    assert "/ui/invocations/inv_7" in page.html


def test_state_is_edited_at_the_version_that_was_looked_at() -> None:
    shop = Shop()

    page = post(shop, KEY, {"key": "alice", "version": "v1", "values": '{"total": 8}', "replace": "1"})

    request = shop.request("EditState")
    assert (request.key, request.version, request.values, request.replace) == ("alice", "v1", '{"total": 8}', True)
    assert "The state is kept" in page.words


def test_a_conflict_shows_both_sides_and_can_be_overcome() -> None:
    shop = Shop(refusals={"EditState": refused("the state has changed since")})
    shop.answers["GetState"] = state("v2", "99")

    page = post(shop, KEY, {"key": "alice", "version": "v1", "values": '{"total": 8}', "replace": "1"})

    assert page.status == 409
    assert "There now" in page.words
    assert '"total": 99' in page.words
    assert '{"total": 8}' in page.words
    assert 'name="version" value="v2"' in page.html


def test_what_cannot_be_shown_is_not_cleared_by_an_edit() -> None:
    shop = Shop()
    held = state()
    held.values[0].value.Clear()
    held.values[0].value.problem = "the bytes are none of it"
    shop.answers["GetState"] = held

    page = asyncio.run(Visitor(shop.app()).get(f"{KEY}?key=alice"))

    assert "the bytes are none of it" in page.words
    assert 'name="replace"' not in page.html


def test_clearing_state_clears_all_of_it() -> None:
    shop = Shop()

    post(shop, "/ui/objects/shop.v1.OrderService/clear", {"key": "alice", "version": "v1"})

    request = shop.request("EditState")
    assert (request.values, request.replace, request.version) == ("{}", True, "v1")


@pytest.mark.parametrize(("go", "field"), [("resolve", "value"), ("reject", "failure")])
def test_promises_and_awakeables_get_one_result(go: str, field: str) -> None:
    shop = Shop()
    result = {"value": "{}", "failure": "no", "go": go}

    post(shop, "/ui/awakeables", {"id": "awk_1", **result})
    post(shop, "/ui/objects/shop.v1.OrderService/promise", {"key": "alice", "name": "verified", **result})

    assert shop.request("CompleteAwakeable").WhichOneof("result") == field
    assert shop.request("CompletePromise").WhichOneof("result") == field


def test_an_endpoint_is_registered_by_all_its_addresses() -> None:
    shop = Shop()

    page = post(shop, "/ui/deployments", {"addresses": "a:1, b:2", "verify": "1", "go": "register"})

    request = shop.request("RegisterDeployment")
    assert (list(request.addresses), request.verify, request.force) == (["a:1", "b:2"], True, False)
    assert "Registered dep_2" in page.words


def test_an_endpoint_that_is_verified_shows_what_it_does_not_repeat() -> None:
    page = post(Shop(), "/ui/deployments", {"addresses": "a:1", "go": "verify"})

    assert "7 journals replayed: the endpoint does not repeat 1 of them" in page.words
    assert "entry 2 is a sleep" in page.words


def test_a_deployment_is_removed_by_force_only_where_that_was_said() -> None:
    shop = Shop()

    post(shop, "/ui/deployments/dep_1/remove", {})
    gentle = shop.request("RemoveDeployment").force
    post(shop, "/ui/deployments/dep_1/remove", {"force": "1"})

    assert (gentle, shop.request("RemoveDeployment").force) == (False, True)
