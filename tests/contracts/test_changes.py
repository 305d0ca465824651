"""What a new contract breaks: each rule alone, between two versions of one small contract."""

from pathlib import Path

import pytest
from perdure_runtime.contracts import Contracts
from perdure_runtime.contracts.changes import Breaks, Change, changes

from tests.contracts.compiling import compile_protos, contract

SHOP = "shop.v1.Shop"
ACCOUNT = "shop.v1.Account"
BOTH = {Breaks.CALLERS, Breaks.JOURNALS}
SIZES = "enum Size { SIZE_UNSPECIFIED = 0; SMALL = 1; LARGE = 2; }"


def shop(*fields: str, more: str = "") -> str:
    """A service whose request has these fields."""
    return f"message Wish {{ {' '.join(fields)} }} {more} service Shop {{ rpc Buy(Wish) returns (Receipt); }}"


def account(*fields: str, more: str = "", rpcs: str = "rpc Add(Keyed) returns (Receipt);") -> str:
    """An object whose state has these fields."""
    options = 'option (perdure.v1.service) = { kind: VIRTUAL_OBJECT state: "shop.v1.Balance" };'
    return (
        f"message Balance {{ {' '.join(fields)} }} {more}"
        "message Keyed { string id = 1 [(perdure.v1.field).key = true]; string other = 2; }"
        f"service Account {{ {options} {rpcs} }}"
    )


def between(folder: Path, old: str, new: str, service: str = SHOP) -> list[Change]:
    """What changes for those who use a service."""
    versions = [
        Contracts.described(compile_protos(folder / name, contract(body)), [service])
        for name, body in (("old", old), ("new", new))
    ]
    return changes(*versions)


def told(found: list[Change]) -> dict[str, set[Breaks]]:
    """Whom each change breaks, by what it is."""
    return {change.what: {each.breaks for each in found if each.what == change.what} for change in found}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (shop("string name = 1;"), shop("string name = 1; string colour = 2;")),
        (
            shop(),
            shop().replace("rpc Buy", "rpc Browse(Wish) returns (Receipt); rpc Buy"),
        ),
        (shop("Size size = 1;", more=SIZES), shop("Size size = 1;", more=SIZES.replace("}", "HUGE = 3; }"))),
        (shop("Part part = 1;", more="message Part {}"), shop("Part part = 1;", more="message Part { int32 n = 1; }")),
        (shop("oneof how { string card = 1; }"), shop("oneof how { string card = 1; string cash = 2; }")),
    ],
    ids=["field", "handler", "enum value", "nested field", "oneof member"],
)
def test_what_is_added_breaks_nobody(tmp_path: Path, old: str, new: str) -> None:
    assert between(tmp_path, old, new) == []


def test_a_service_that_is_new_or_no_longer_served_breaks_nobody(tmp_path: Path) -> None:
    served = Contracts.described(compile_protos(tmp_path, contract(shop())), [SHOP])
    assert changes(Contracts(), served) == []
    assert changes(served, Contracts()) == []


def test_a_private_handler_that_becomes_public_breaks_nobody(tmp_path: Path) -> None:
    private = shop().replace("(Receipt);", "(Receipt) { option (perdure.v1.method).visibility = PRIVATE; }")
    assert between(tmp_path, private, shop()) == []


@pytest.mark.parametrize("size", [32, 64])
def test_an_integer_may_lose_or_get_its_sign(tmp_path: Path, size: int) -> None:
    assert between(tmp_path, shop(f"int{size} count = 1;"), shop(f"uint{size} count = 1;")) == []


def test_an_integer_of_another_size_is_cut_off_or_written_otherwise_in_json(tmp_path: Path) -> None:
    found = between(tmp_path, shop("int64 count = 1;"), shop("int32 count = 1;"))
    assert told(found) == {f"{SHOP}/Buy: shop.v1.Wish.count changed its type": BOTH}


def test_a_field_that_becomes_another_message_is_said_though_its_old_one_was_looked_at(tmp_path: Path) -> None:
    items = "message Item { string name = 1; } message Other { int64 name = 1; } "
    old, new = shop("Item a = 1; Item b = 2;"), shop("Item a = 1; Other b = 2;")
    place = "message Wish"
    found = between(tmp_path, old.replace(place, items + place), new.replace(place, items + place))
    assert any("Item became shop.v1.Other" in change.what for change in found)


def test_another_name_of_the_same_message_is_said(tmp_path: Path) -> None:
    found = between(tmp_path, shop(), shop().replace("Wish", "Hope"))
    assert told(found) == {f"{SHOP}/Buy: shop.v1.Wish became shop.v1.Hope": BOTH}


def test_a_handler_that_is_gone_breaks_its_callers_and_its_journals(tmp_path: Path) -> None:
    browsing = shop().replace("rpc Buy", "rpc Browse(Wish) returns (Receipt); rpc Buy")
    found = between(tmp_path, browsing, shop())
    assert told(found) == {f"{SHOP}/Browse is gone": BOTH}
    assert {(change.service, change.handler) for change in found} == {(SHOP, "Browse")}


def test_a_handler_that_becomes_private_breaks_its_callers(tmp_path: Path) -> None:
    private = shop().replace("(Receipt);", "(Receipt) { option (perdure.v1.method).visibility = PRIVATE; }")
    assert told(between(tmp_path, shop(), private)) == {f"{SHOP}/Buy was public and is private": {Breaks.CALLERS}}


def test_another_key_field_breaks_callers(tmp_path: Path) -> None:
    key = " [(perdure.v1.field).key = true]"
    moved = account().replace(key, "").replace("string other = 2", f"string other = 2{key}")
    found = between(tmp_path, account(), moved, ACCOUNT)
    assert told(found) == {f"the key of {ACCOUNT}/Add was id and is other": {Breaks.CALLERS}}


def test_another_kind_of_service_breaks_callers_and_journals_and_is_said_once(tmp_path: Path) -> None:
    plain = 'option (perdure.v1.service) = { kind: VIRTUAL_OBJECT state: "shop.v1.Balance" };'
    found = between(tmp_path, account(), account().replace(plain, ""), ACCOUNT)
    assert told(found) == {f"{ACCOUNT} was a virtual object and is a service": BOTH}


def test_another_kind_of_handler_breaks_journals(tmp_path: Path) -> None:
    shared = "rpc Add(Keyed) returns (Receipt) { option (perdure.v1.method).kind = SHARED; }"
    found = between(tmp_path, account(), account(rpcs=shared), ACCOUNT)
    assert told(found) == {f"{ACCOUNT}/Add was exclusive and is shared": {Breaks.JOURNALS}}


def test_a_handler_may_begin_to_look_after_its_cancellation_itself(tmp_path: Path) -> None:
    # An invocation keeps the mode that it was made with.
    explicit = shop().replace(
        "(Receipt);", "(Receipt) { option (perdure.v1.method).execution.explicit_cancellation = true; }"
    )
    assert between(tmp_path, shop(), explicit) == []


@pytest.mark.parametrize("place", ["request", "response"])
def test_requests_and_responses_are_both_looked_at(tmp_path: Path, place: str) -> None:
    turned = shop("string name = 1;"), shop()
    if place == "response":
        turned = (
            turned[0].replace("Buy(Wish) returns (Receipt)", "Buy(Receipt) returns (Wish)"),
            turned[1].replace("Buy(Wish) returns (Receipt)", "Buy(Receipt) returns (Wish)"),
        )
    assert told(between(tmp_path, *turned)) == {f"{SHOP}/Buy: field 1 (name) of shop.v1.Wish is gone": BOTH}


def test_a_renamed_field_breaks_callers_who_speak_json_and_no_journal(tmp_path: Path) -> None:
    found = between(tmp_path, shop("string name = 1;"), shop("string title = 1;"))
    what = f"{SHOP}/Buy: field 1 of shop.v1.Wish was name and is title to JSON callers"
    assert told(found) == {what: {Breaks.CALLERS}}


@pytest.mark.parametrize(
    ("old", "new"),
    [("int32", "string"), ("int32", "sint32"), ("bool", "int32"), ("int32", "Receipt"), ("string", "bytes")],
)
def test_a_field_of_another_type_breaks_callers_and_journals(tmp_path: Path, old: str, new: str) -> None:
    found = between(tmp_path, shop(f"{old} it = 1;"), shop(f"{new} it = 1;"))
    assert told(found) == {f"{SHOP}/Buy: shop.v1.Wish.it changed its type": BOTH}


def test_a_field_that_becomes_repeated_breaks_callers_and_journals(tmp_path: Path) -> None:
    found = between(tmp_path, shop("string it = 1;"), shop("repeated string it = 1;"))
    assert told(found) == {f"{SHOP}/Buy: shop.v1.Wish.it was single and is repeated": BOTH}


def test_a_field_that_moves_into_a_oneof_breaks_callers_and_journals(tmp_path: Path) -> None:
    found = between(
        tmp_path, shop("string card = 1; string cash = 2;"), shop("oneof how { string card = 1; string cash = 2; }")
    )
    assert told(found) == {
        f"{SHOP}/Buy: shop.v1.Wish.card is in oneof how now": BOTH,
        f"{SHOP}/Buy: shop.v1.Wish.cash is in oneof how now": BOTH,
    }


def test_a_field_may_become_optional(tmp_path: Path) -> None:
    assert between(tmp_path, shop("string it = 1;"), shop("optional string it = 1;")) == []


def test_messages_in_messages_are_looked_at(tmp_path: Path) -> None:
    parts = "message Part { string name = 1; }"
    found = between(tmp_path, shop("Part part = 1;", more=parts), shop("Part part = 1;", more="message Part {}"))
    assert told(found) == {f"{SHOP}/Buy: field 1 (name) of shop.v1.Part is gone": BOTH}


def test_values_of_maps_are_looked_at(tmp_path: Path) -> None:
    parts = "message Part { string name = 1; }"
    field = "map<string, Part> parts = 1;"
    found = between(tmp_path, shop(field, more=parts), shop(field, more="message Part {}"))
    assert told(found) == {f"{SHOP}/Buy: field 1 (name) of shop.v1.Part is gone": BOTH}


def test_a_message_that_holds_itself_is_looked_at_once(tmp_path: Path) -> None:
    field = "Wish inner = 1; string name = 2;"
    found = between(tmp_path, shop(field), shop("Wish inner = 1;"))
    assert [change.what for change in found if change.breaks is Breaks.CALLERS] == [
        f"{SHOP}/Buy: field 2 (name) of shop.v1.Wish is gone"
    ]


def test_an_enum_value_that_is_gone_breaks_callers_and_journals(tmp_path: Path) -> None:
    less = SIZES.replace("LARGE = 2;", "")
    found = between(tmp_path, shop("Size size = 1;", more=SIZES), shop("Size size = 1;", more=less))
    assert told(found) == {f"{SHOP}/Buy: value LARGE of shop.v1.Size is gone": BOTH}


def test_a_renamed_enum_value_breaks_callers_who_speak_json(tmp_path: Path) -> None:
    renamed = SIZES.replace("LARGE", "BIG")
    found = between(tmp_path, shop("Size size = 1;", more=SIZES), shop("Size size = 1;", more=renamed))
    what = f"{SHOP}/Buy: value 2 of shop.v1.Size was LARGE and is BIG to JSON callers"
    assert told(found) == {what: {Breaks.CALLERS}}


def test_enum_values_that_change_their_numbers_are_said(tmp_path: Path) -> None:
    swapped = SIZES.replace("SMALL = 1; LARGE = 2", "LARGE = 1; SMALL = 2")
    found = between(tmp_path, shop("Size size = 1;", more=SIZES), shop("Size size = 1;", more=swapped))
    assert [change.what for change in found] == [
        f"{SHOP}/Buy: value 1 of shop.v1.Size was SMALL and is LARGE to JSON callers",
        f"{SHOP}/Buy: value 2 of shop.v1.Size was LARGE and is SMALL to JSON callers",
    ]


def test_a_field_that_is_renamed_and_retyped_is_said_to_be_both(tmp_path: Path) -> None:
    found = between(tmp_path, shop("string name = 1;"), shop("int32 count = 1;"))
    assert told(found) == {
        f"{SHOP}/Buy: field 1 of shop.v1.Wish was name and is count to JSON callers": {Breaks.CALLERS},
        f"{SHOP}/Buy: shop.v1.Wish.name changed its type": BOTH,
    }


def test_an_enum_value_may_get_a_second_name(tmp_path: Path) -> None:
    alias = SIZES.replace("{", "{ option allow_alias = true;").replace("}", "BIG = 2; }")
    assert between(tmp_path, shop("Size size = 1;", more=SIZES), shop("Size size = 1;", more=alias)) == []


def test_a_state_field_that_is_added_breaks_nobody(tmp_path: Path) -> None:
    assert between(tmp_path, account(), account("double amount = 1;"), ACCOUNT) == []


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ("", "shop.v1.Balance.amount is gone"),
        ("double total = 1;", "shop.v1.Balance.amount is gone"),
        ("double amount = 2;", "shop.v1.Balance.amount was number 1 and is 2"),
        ("string amount = 1;", "shop.v1.Balance.amount changed its type"),
        ("repeated double amount = 1;", "shop.v1.Balance.amount was single and is repeated"),
    ],
    ids=["gone", "renamed", "renumbered", "retyped", "repeated"],
)
def test_a_state_field_that_is_read_otherwise_breaks_what_is_stored_under_its_name(
    tmp_path: Path, new: str, what: str
) -> None:
    found = between(tmp_path, account("double amount = 1;"), account(new), ACCOUNT)
    assert found == [Change(Breaks.STATE, what, ACCOUNT, name="amount")]


def test_a_state_that_is_gone_breaks_each_of_its_fields(tmp_path: Path) -> None:
    stateless = account().replace('state: "shop.v1.Balance"', "")
    found = between(tmp_path, account("double amount = 1; string owner = 2;"), stateless, ACCOUNT)
    assert {(change.breaks, change.what) for change in found} == {(Breaks.STATE, f"{ACCOUNT} has no state any more")}
    assert [change.name for change in found] == ["amount", "owner"]


def test_messages_in_state_are_looked_at(tmp_path: Path) -> None:
    parts = "message Part { string name = 1; }"
    old, new = account("Part part = 1;", more=parts), account("Part part = 1;", more="message Part {}")
    what = "field 1 (name) of shop.v1.Part is gone"
    assert between(tmp_path, old, new, ACCOUNT) == [Change(Breaks.STATE, what, ACCOUNT, name="part")]


def test_a_field_of_a_message_in_state_may_be_renamed(tmp_path: Path) -> None:
    # State is stored as bytes, by number.
    parts = "message Part { string name = 1; }"
    renamed = parts.replace("name", "title")
    assert between(tmp_path, account("Part p = 1;", more=parts), account("Part p = 1;", more=renamed), ACCOUNT) == []


SIGNUP = "shop.v1.Signup"


def signup(*promises: str, verified: str = "bool ok = 1;") -> str:
    """A workflow with these promises."""
    listed = ", ".join(f'{{ name: "{name}" type: "shop.v1.Verified" }}' for name in promises)
    return (
        f"message Verified {{ {verified} }} message Keyed {{ string id = 1 [(perdure.v1.field).key = true]; }}"
        f"service Signup {{ option (perdure.v1.service) = {{ kind: WORKFLOW promises: [{listed}] }};"
        "rpc Run(Keyed) returns (Receipt); }"
    )


def test_a_promise_that_is_gone_or_renamed_breaks_journals(tmp_path: Path) -> None:
    found = between(tmp_path, signup("email", "phone"), signup("email", "mobile"), SIGNUP)
    assert found == [Change(Breaks.JOURNALS, f"promise phone of {SIGNUP} is gone", SIGNUP)]


def test_a_promise_that_is_read_otherwise_breaks_journals(tmp_path: Path) -> None:
    found = between(tmp_path, signup("email"), signup("email", verified="string ok = 1;"), SIGNUP)
    what = f"promise email of {SIGNUP}: shop.v1.Verified.ok changed its type"
    assert found == [Change(Breaks.JOURNALS, what, SIGNUP)]


@pytest.mark.parametrize("verified", ["bool ok = 1; string how = 2;", "bool done = 1;"], ids=["grown", "renamed"])
def test_a_promise_that_grows_or_renames_a_field_breaks_nobody(tmp_path: Path, verified: str) -> None:
    # Results of promises are stored as bytes, by number.
    assert between(tmp_path, signup("email"), signup("email", "phone", verified=verified), SIGNUP) == []


def test_a_promise_whose_type_the_endpoint_does_not_describe_breaks_nobody(tmp_path: Path) -> None:
    unknown = signup("email").replace('type: "shop.v1.Verified"', 'type: "elsewhere.v1.Verified"')
    assert between(tmp_path, unknown, signup("email"), SIGNUP) == []
