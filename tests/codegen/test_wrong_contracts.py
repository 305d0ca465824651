"""Each wrong contract is refused with a sentence that names the place, the option, and what to do."""

from pathlib import Path

import pytest
from perdure.state import State

from tests.codegen.compiling import complaints, shop

OBJECT = "option (perdure.v1.service) = { kind: VIRTUAL_OBJECT };"
WORKFLOW = "option (perdure.v1.service) = { kind: WORKFLOW };"
KEY = "[(perdure.v1.field).key = true]"
RPC = "rpc R(Order) returns (Receipt);"
RUN = "rpc Run(Order) returns (Receipt);"


def service(options: str, *rpcs: str) -> str:
    """A service whose options stand in line 6."""
    return f"service S {{\n  option (perdure.v1.service) = {{ {options} }};\n  {' '.join(rpcs)}\n}}"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            "service S { rpc R(stream Order) returns (Receipt); }",
            "5:17: rpc shop.v1.S.R: it streams, but a handler takes one request and gives one response: remove stream",
        ),
        (
            "service S { rpc R(Order) returns (stream Receipt); }",
            "5:17: rpc shop.v1.S.R: it streams, but a handler takes one request and gives one response: remove stream",
        ),
        (
            "service S { rpc R(Order) returns (perdure.v1.RetryPolicy); }",
            "5:17: rpc shop.v1.S.R: perdure.v1.RetryPolicy is a type of perdure's own, for options only: declare a "
            "message of yours",
        ),
        (
            "message M {\n  perdure.v1.Execution e = 1;\n}",
            "6:24: field shop.v1.M.e: perdure.v1.Execution is a type of perdure's own, for options only: declare a "
            "message of yours",
        ),
    ],
)
def test_what_no_handler_can_carry_is_refused(tmp_path: Path, body: str, sentence: str) -> None:
    assert complaints(tmp_path, shop(body)) == [f"shop/v1/shop.proto:{sentence}"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (
            f"service S {{ {OBJECT} rpc R(Receipt) returns (Receipt); rpc Q(Receipt) returns (Receipt); }}",
            "4:9: (perdure.v1.field).key of shop.v1.Receipt: it is a request of the virtual object shop.v1.S and has "
            f"no key: mark the string field that names the object with {KEY}",
        ),
        (
            f"service S {{ {OBJECT} rpc R(google.protobuf.Empty) returns (Receipt); }}",
            "5:73: (perdure.v1.field).key of google.protobuf.Empty: it is a request of the virtual object shop.v1.S "
            f"and not of this contract: take a message of yours, with a field marked {KEY}",
        ),
        (
            f"message M {{ string a = 1 {KEY}; string b = 2 {KEY}; }}\n"
            f"service S {{ {WORKFLOW} rpc Run(M) returns (Receipt); }}",
            "5:73: (perdure.v1.field).key of shop.v1.M: both a and b are marked: mark one field, which names the "
            "object",
        ),
        (
            f"message M {{ int64 a = 1\n  {KEY}; }} service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
            "6:4: (perdure.v1.field).key of shop.v1.M: a is of type int64: mark a plain string field",
        ),
        (
            f"message M {{ Order a = 1\n  {KEY}; }} service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
            "6:4: (perdure.v1.field).key of shop.v1.M: a is of type shop.v1.Order: mark a plain string field",
        ),
        (
            "message M { repeated string a = 1\n  [(perdure.v1.field) = { key: true }]; } "
            f"service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
            "6:4: (perdure.v1.field).key of shop.v1.M: a is repeated: mark a plain string field",
        ),
        (
            f"message M {{ map<string, string> a = 1\n  {KEY}; }} service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
            "6:4: (perdure.v1.field).key of shop.v1.M: a is a map: mark a plain string field",
        ),
        (
            f"message M {{ oneof o {{ string a = 1\n  {KEY}; }} }} "
            f"service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
            "6:4: (perdure.v1.field).key of shop.v1.M: a is part of the oneof o: mark a plain string field",
        ),
    ],
)
def test_every_request_of_an_object_has_one_string_key(tmp_path: Path, body: str, sentence: str) -> None:
    assert complaints(tmp_path, shop(body)) == [f"shop/v1/shop.proto:{sentence}"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            'kind: VIRTUAL_OBJECT state: "shop.v1.Nope"',
            "there is no message shop.v1.Nope: declare it, or import its file",
        ),
        ('kind: VIRTUAL_OBJECT state: "Receipt"', "there is no message Receipt; did you mean shop.v1.Receipt?"),
        ('kind: VIRTUAL_OBJECT state: "perdure.v1.ServiceKind"', "perdure.v1.ServiceKind is an enum: name a message"),
        (
            'kind: VIRTUAL_OBJECT state: "google.protobuf.Empty"',
            "google.protobuf.Empty is not a message of yours: declare one with a field for each state key",
        ),
        (
            'kind: VIRTUAL_OBJECT state: "perdure.v1.RetryPolicy"',
            "perdure.v1.RetryPolicy is a type of perdure's own, for options only: declare a message of yours",
        ),
        (
            'kind: SERVICE state: "shop.v1.Receipt"',
            "a plain service has no state: make it a VIRTUAL_OBJECT or WORKFLOW, or remove the state",
        ),
    ],
)
def test_state_is_a_known_message_of_an_object_or_workflow(tmp_path: Path, options: str, sentence: str) -> None:
    expected = f"shop/v1/shop.proto:6:3: (perdure.v1.service).state of shop.v1.S: {sentence}"
    assert complaints(tmp_path, shop(service(options, RPC))) == [expected]


def test_state_must_be_imported(tmp_path: Path) -> None:
    state = 'syntax = "proto3"; package shop.states.v1; message Cart { string s = 1; }'
    cart = shop(service('kind: VIRTUAL_OBJECT state: "shop.states.v1.Cart"', RPC))

    assert complaints(tmp_path, {**cart, "shop/states/v1/cart.proto": state}) == [
        "shop/v1/shop.proto:6:3: (perdure.v1.service).state of shop.v1.S: shop.states.v1.Cart is in a file that is not "
        'imported: write import "shop/states/v1/cart.proto";'
    ]


@pytest.mark.parametrize("name", [name for name in dir(State) if not name.startswith("_")])
def test_a_field_of_a_state_that_would_hide_what_states_have_is_refused_where_it_stands(
    tmp_path: Path, name: str
) -> None:
    message = f"message Cart {{\n  string {name} = 1; }}\n"

    assert complaints(tmp_path, shop(message + service('kind: VIRTUAL_OBJECT state: "shop.v1.Cart"', RPC))) == [
        f"shop/v1/shop.proto:6:10: field shop.v1.Cart.{name}: it is a value of the state of shop.v1.S and would hide "
        f"ctx.state.{name}(): rename it"
    ]


def test_a_field_of_a_state_in_another_package_is_refused_where_it_stands(tmp_path: Path) -> None:
    state = 'syntax = "proto3"; package shop.states.v1;\nmessage Cart {\n  bool clearAll = 1; }'
    cart = shop(service('kind: VIRTUAL_OBJECT state: "shop.states.v1.Cart"', RPC))
    cart["shop/v1/shop.proto"] = cart["shop/v1/shop.proto"].replace(
        'import "perdure/v1', 'import "shop/states/v1/cart.proto"; import "perdure/v1'
    )

    assert complaints(tmp_path, {**cart, "shop/states/v1/cart.proto": state}) == [
        "shop/states/v1/cart.proto:3:8: field shop.states.v1.Cart.clearAll: it is a value of the state of shop.v1.S "
        "and would hide ctx.state.clear_all(): rename it"
    ]


@pytest.mark.parametrize(
    ("promises", "sentence"),
    [
        ('{ name: "a" type: "shop.v1.Nope" }', '"a": there is no message shop.v1.Nope: declare it, or import its file'),
        ('{ name: "a" }', '"a": it has no type: say type with the name of a message'),
        (
            '[{ name: "a" type: "shop.v1.Order" }, { name: "a" type: "shop.v1.Order" }]',
            'two are called "a": rename one of them',
        ),
        *(
            (
                f'{{ name: "{name}" type: "shop.v1.Order" }}',
                f'"{name}" cannot be a Python attribute in snake_case: name it like email_verified',
            )
            for name in ("", "B", "emailVerified", "class", "a-b", "_a", "a__b", "1a", "ä")
        ),
    ],
)
def test_promises_have_distinct_python_names_and_known_types(tmp_path: Path, promises: str, sentence: str) -> None:
    expected = f"shop/v1/shop.proto:6:3: (perdure.v1.service).promises of shop.v1.S: {sentence}"
    assert complaints(tmp_path, shop(service(f"kind: WORKFLOW promises: {promises}", RUN))) == [expected]


@pytest.mark.parametrize(("kind", "called"), [("VIRTUAL_OBJECT", "virtual object"), ("SERVICE", "plain service")])
@pytest.mark.parametrize(
    ("option", "value", "advice"),
    [
        ("promises", '{ name: "a" type: "shop.v1.Order" }', "make it a WORKFLOW, or remove them"),
        ("workflow_retention", "{ seconds: 1 }", "remove it, only a WORKFLOW has it"),
    ],
)
def test_what_only_workflows_have_is_refused_elsewhere(
    tmp_path: Path, kind: str, called: str, option: str, value: str, advice: str
) -> None:
    expected = f"shop/v1/shop.proto:6:3: (perdure.v1.service).{option} of shop.v1.S: this is a {called}: {advice}"
    assert complaints(tmp_path, shop(service(f"kind: {kind} {option}: {value}", RPC))) == [expected]


@pytest.mark.parametrize(
    ("kind", "rpc_kind", "called", "advice"),
    [
        ("SERVICE", "SHARED", "plain service", "remove it"),
        ("SERVICE", "EXCLUSIVE", "plain service", "remove it"),
        ("VIRTUAL_OBJECT", "RUN", "virtual object", "make it EXCLUSIVE or SHARED"),
        ("WORKFLOW", "EXCLUSIVE", "workflow", "make it RUN or SHARED"),
    ],
)
def test_the_kind_of_a_handler_fits_its_service(
    tmp_path: Path, kind: str, rpc_kind: str, called: str, advice: str
) -> None:
    rpc = f"rpc Q(Order) returns (Receipt) {{\n option (perdure.v1.method) = {{ kind: {rpc_kind} }}; }}"
    expected = f"8:2: (perdure.v1.method).kind of shop.v1.S.Q: {rpc_kind} is not for a handler of a {called}: {advice}"
    assert complaints(tmp_path, shop(service(f"kind: {kind}", RUN, rpc))) == [f"shop/v1/shop.proto:{expected}"]


def test_a_workflow_without_a_run_handler_is_refused(tmp_path: Path) -> None:
    assert complaints(tmp_path, shop(service("kind: WORKFLOW", RPC))) == [
        "shop/v1/shop.proto:6:3: (perdure.v1.service).kind of shop.v1.S: a WORKFLOW needs one run handler and has "
        "none: name an rpc Run, or give one the kind RUN"
    ]


def test_a_workflow_with_two_run_handlers_is_refused(tmp_path: Path) -> None:
    second = "rpc Q(Order) returns (Receipt) {\n option (perdure.v1.method) = { kind: RUN }; }"

    assert complaints(tmp_path, shop(service("kind: WORKFLOW", RUN, second))) == [
        "shop/v1/shop.proto:8:2: (perdure.v1.method).kind of shop.v1.S.Q: a WORKFLOW has one run handler, and Run is "
        "one already: give one of them the kind SHARED"
    ]


DURATIONS = [
    "execution.retry.initial_interval",
    "execution.idempotency_retention",
    "execution.journal_retention",
    "execution.inactivity_timeout",
    "execution.abort_timeout",
]


def nested(path: str, value: str) -> str:
    """An option in text format: "a.b" and "1" are `a { b: 1 }`."""
    *outer, last = path.split(".")
    return " ".join([*(f"{name} {{" for name in outer), f"{last}: {value}", *("}" for _ in outer)])


@pytest.mark.parametrize("path", DURATIONS)
def test_durations_are_not_negative(tmp_path: Path, path: str) -> None:
    option = nested(path, "{ nanos: -500000000 }")
    rpc = f"rpc Q(Order) returns (Receipt) {{\n option (perdure.v1.method) = {{ {option} }}; }}"

    assert complaints(tmp_path, shop(service(nested(path, "{ seconds: -3 }"), rpc))) == [
        f"shop/v1/shop.proto:6:3: (perdure.v1.service).{path} of shop.v1.S: -3 s is negative: say zero or longer",
        f"shop/v1/shop.proto:8:2: (perdure.v1.method).{path} of shop.v1.S.Q: -0.5 s is negative: say zero or longer",
    ]


@pytest.mark.parametrize("factor", ["0.5", "-2", "nan"])
def test_a_retry_factor_is_at_least_one(tmp_path: Path, factor: str) -> None:
    assert complaints(tmp_path, shop(service(nested("execution.retry.factor", factor), RPC))) == [
        f"shop/v1/shop.proto:6:3: (perdure.v1.service).execution.retry.factor of shop.v1.S: {factor} is less than 1, "
        "so each wait would be shorter than the one before: say 1 or more"
    ]


def test_the_longest_wait_of_a_handler_is_not_shorter_than_the_first_of_its_service(tmp_path: Path) -> None:
    initial = nested("execution.retry.initial_interval", "{ seconds: 9 }")
    longest = nested("execution.retry.max_interval", "{ seconds: 2 }")
    rpc = f"rpc Q(Order) returns (Receipt) {{\n option (perdure.v1.method) = {{ {longest} }}; }}"

    assert complaints(tmp_path, shop(service(initial, rpc))) == [
        "shop/v1/shop.proto:8:2: (perdure.v1.method).execution.retry.max_interval of shop.v1.S.Q: 2 s is shorter than "
        "the initial_interval of 9 s: say at least as long"
    ]


def test_all_problems_of_all_files_are_reported_together_in_their_order(tmp_path: Path) -> None:
    other = 'syntax = "proto3"; package other.v1; message None {}'
    mine = shop("service S { rpc R(stream Order) returns (Receipt);\n rpc Q(stream Order) returns (Receipt); }")

    assert [line.split(": ")[0] for line in complaints(tmp_path, {**mine, "other/v1/other.proto": other})] == [
        "other/v1/other.proto:1:46",
        "shop/v1/shop.proto:5:17",
        "shop/v1/shop.proto:6:6",
    ]


@pytest.mark.parametrize(
    "body",
    [
        # Marks that nobody asks for.
        f"message M {{ string a = 1 {KEY}; int32 b = 2 {KEY}; }} service S {{ rpc R(M) returns (Receipt); }}",
        f"message M {{ optional string a = 1 {KEY}; }} service S {{ {OBJECT} rpc R(M) returns (Receipt); }}",
        "service S { rpc R(google.protobuf.Empty) returns (google.protobuf.Empty); }",
        service(nested("execution.retry.max_interval", "{ seconds: 2 }"), RPC),
        service('kind: VIRTUAL_OBJECT state: ".shop.v1.Receipt"', RPC),
        "service S {}",
        # Names that only a state cannot have.
        f"message M {{ string keys = 1 {KEY}; bool clear_all = 2; }} service S {{ {OBJECT} rpc R(M) returns (M); }}",
    ],
)
def test_what_is_unusual_but_not_wrong_is_generated(tmp_path: Path, body: str) -> None:
    assert complaints(tmp_path, shop(body)) == []
