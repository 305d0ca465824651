"""Facts of right contracts."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from perdure_protos.perdure.protocol.v1.session_pb2 import DiscoverResponse
from perdure_runtime.contracts import Contracts, HandlerFacts, HandlerKind, ServiceKind
from perdure_runtime.partition.policy import Execution, RetryPolicy
from perdure_runtime.partition.rows import SHARED

from tests.contracts.compiling import compile_protos, contract

KEYED = "message Keyed { double amount = 1; string account = 2 [(perdure.v1.field) = { key: true }]; }\n"


def read(folder: Path, body: str, *services: str) -> Contracts:
    return Contracts.described(compile_protos(folder, contract(body)), services)


def handler(folder: Path, options: str, rpc_options: str = "") -> HandlerFacts:
    body = f"service Orders {{ {options} rpc Process(Order) returns (Receipt) {{ {rpc_options} }} }}"
    return read(folder, body, "shop.v1.Orders").handlers["/shop.v1.Orders/Process"]


def test_a_contract_without_options_is_a_public_service_with_the_defaults_of_the_node(tmp_path: Path) -> None:
    process = handler(tmp_path, "")

    assert (process.service_kind, process.kind, process.mode) == (ServiceKind.SERVICE, HandlerKind.SHARED, SHARED)
    assert process.public
    assert process.key_field is None
    assert process.execution == Execution()
    assert process.request.DESCRIPTOR.full_name == "shop.v1.Order"
    assert process.response.DESCRIPTOR.full_name == "shop.v1.Receipt"


def test_an_object_knows_its_key_field_and_its_handlers_are_exclusive_unless_they_say_shared(tmp_path: Path) -> None:
    contracts = read(
        tmp_path,
        KEYED + 'service Account { option (perdure.v1.service) = { kind: VIRTUAL_OBJECT state: "shop.v1.Receipt" };'
        "rpc Update(Keyed) returns (Receipt);"
        "rpc Get(Keyed) returns (Receipt) { option (perdure.v1.method) = { kind: SHARED }; } }",
        "shop.v1.Account",
    )

    account = contracts["shop.v1.Account"]
    assert account.kind is ServiceKind.VIRTUAL_OBJECT
    assert {name: facts.mode.exclusive for name, facts in account.handlers.items()} == {"Update": True, "Get": False}
    assert {facts.key_field for facts in account.handlers.values()} == {"account"}


def test_the_rpc_named_run_of_a_workflow_is_its_body(tmp_path: Path) -> None:
    contracts = read(
        tmp_path,
        KEYED + "service Signup { option (perdure.v1.service) = { kind: WORKFLOW };"
        "rpc Run(Keyed) returns (Receipt); rpc Verify(Keyed) returns (google.protobuf.Empty); }",
        "shop.v1.Signup",
    )

    kinds = {name: facts.kind for name, facts in contracts["shop.v1.Signup"].handlers.items()}
    assert kinds == {"Run": HandlerKind.RUN, "Verify": HandlerKind.SHARED}


def test_a_handler_wins_over_its_service_and_a_service_over_the_default_field_by_field(tmp_path: Path) -> None:
    process = handler(
        tmp_path,
        "option (perdure.v1.service) = { execution { retry { initial_interval { nanos: 200000000 } max_attempts: 9"
        " on_max_attempts: FAIL } inactivity_timeout { seconds: 5 } } };",
        "option (perdure.v1.method) = { execution { retry { max_attempts: 3 factor: 1.5 } } };",
    )

    assert process.execution.retry == RetryPolicy(initial_ms=200, factor=1.5, max_attempts=3, pause=False)
    assert process.execution.inactivity_timeout_ms == 5_000


@pytest.mark.parametrize(
    ("said", "outcome_ms", "journal_ms"),
    [
        ("idempotency_retention { seconds: 604800 }", 604_800_000, Execution().journal_retention_ms),
        ("idempotency_retention { seconds: 60 } journal_retention { seconds: 30 }", 60_000, 30_000),
        ("journal_retention { seconds: 1 }", Execution().outcome_retention_ms, 1_000),
    ],
)
def test_each_retention_holds_by_itself(tmp_path: Path, said: str, outcome_ms: int, journal_ms: int) -> None:
    process = handler(tmp_path, f"option (perdure.v1.service) = {{ execution {{ {said} }} }};")

    assert process.execution.outcome_retention_ms == outcome_ms
    assert process.execution.journal_retention_ms == journal_ms


@pytest.mark.parametrize(
    ("said", "initial_ms", "max_interval_ms"),
    [
        ("initial_interval { seconds: 60 }", 60_000, 60_000),
        ("max_interval { nanos: 10000000 }", 10, 10),
        ("max_interval { seconds: 1 }", 50, 1_000),
    ],
)
def test_a_default_interval_gives_way_to_the_one_that_is_said(
    tmp_path: Path, said: str, initial_ms: int, max_interval_ms: int
) -> None:
    option = f"option (perdure.v1.service) = {{ execution {{ retry {{ {said} }} }} }};"

    retry = handler(tmp_path, option).execution.retry

    assert (retry.initial_ms, retry.max_interval_ms) == (initial_ms, max_interval_ms)


@pytest.mark.parametrize(
    ("service", "rpc", "public"),
    [("PRIVATE", "", False), ("PRIVATE", "PUBLIC", True), ("PUBLIC", "PRIVATE", False), ("PUBLIC", "", True)],
)
def test_visibility_of_a_handler_wins_over_its_service(tmp_path: Path, service: str, rpc: str, public: bool) -> None:
    process = handler(
        tmp_path,
        f"option (perdure.v1.service) = {{ visibility: {service} }};",
        f"option (perdure.v1.method) = {{ visibility: {rpc} }};" if rpc else "",
    )

    assert process.public is public


def test_two_versions_live_beside_each_other_and_the_newest_of_each_service_counts(tmp_path: Path) -> None:
    other = "service Other { rpc Go(Order) returns (Receipt); }"
    older = read(
        tmp_path / "1",
        "service Orders { rpc Old(Order) returns (Receipt); }" + other,
        "shop.v1.Orders",
        "shop.v1.Other",
    )
    newer = read(tmp_path / "2", "service Orders { rpc New(Order) returns (Receipt); }", "shop.v1.Orders")

    merged = Contracts().merged(older, newer)

    assert sorted(merged.handlers) == ["/shop.v1.Orders/New", "/shop.v1.Other/Go"]
    assert sorted(older.handlers) == ["/shop.v1.Orders/Old", "/shop.v1.Other/Go"]


def test_files_may_come_in_any_order_and_without_the_well_known_ones(tmp_path: Path) -> None:
    files = descriptor_pb2.FileDescriptorSet.FromString(
        compile_protos(tmp_path, contract("service Orders { rpc Process(Order) returns (google.protobuf.Empty); }"))
    )
    kept = [file for file in reversed(files.file) if not file.name.startswith("google/")]
    bare = descriptor_pb2.FileDescriptorSet(file=kept)

    contracts = Contracts.discovered(
        DiscoverResponse(services=["shop.v1.Orders"], descriptors=bare.SerializeToString())
    )

    descriptors = contracts["shop.v1.Orders"].descriptors
    assert descriptors.file_of("shop.v1.Orders.Process") == "shop/v1/shop.proto"
    closure = [
        descriptor_pb2.FileDescriptorProto.FromString(file).name for file in descriptors.closure("shop/v1/shop.proto")
    ]
    assert closure[0] == "shop/v1/shop.proto"
    assert sorted(closure[1:]) == [
        "google/protobuf/descriptor.proto",
        "google/protobuf/duration.proto",
        "google/protobuf/empty.proto",
        "perdure/v1/annotations.proto",
    ]


def test_a_contract_need_not_import_the_annotations(tmp_path: Path) -> None:
    plain = 'syntax = "proto3"; package a; message M { string s = 1; } service S { rpc R(M) returns (M); }'

    contracts = Contracts.described(compile_protos(tmp_path, {"a.proto": plain}), ["a.S"])

    assert contracts.handlers["/a.S/R"].public


def test_an_annotations_file_that_lacks_a_newer_field_is_read_as_if_nothing_were_said(tmp_path: Path) -> None:
    older = (
        'syntax = "proto3"; package perdure.v1; import "google/protobuf/descriptor.proto";'
        "extend google.protobuf.ServiceOptions { ServiceContract service = 50551; }"
        "enum ServiceKind { SERVICE_KIND_UNSPECIFIED = 0; SERVICE = 1; }"
        "message ServiceContract { ServiceKind kind = 1; }"
    )
    mine = (
        'syntax = "proto3"; package a; import "perdure/v1/annotations.proto"; message M { string s = 1; }'
        "service S { option (perdure.v1.service) = { kind: SERVICE }; rpc R(M) returns (M); }"
    )
    compiled = compile_protos(tmp_path, {"perdure/v1/annotations.proto": older, "a.proto": mine})

    assert Contracts.described(compiled, ["a.S"]).handlers["/a.S/R"].execution == Execution()
