"""Each wrong contract is refused with a sentence that names the place."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from perdure_runtime.contracts import ContractError, Contracts

from tests.contracts.compiling import compile_protos, contract

OBJECT = "option (perdure.v1.service) = { kind: VIRTUAL_OBJECT };"
WORKFLOW = "option (perdure.v1.service) = { kind: WORKFLOW };"
KEY = "[(perdure.v1.field) = { key: true }]"


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("service S { rpc R(stream Order) returns (Receipt); }", r"shop\.v1\.S\.R streams"),
        ("service S { rpc R(Order) returns (stream Receipt); }", r"shop\.v1\.S\.R streams"),
        (f"service S {{ {OBJECT} rpc R(Order) returns (Receipt); }}", r"shop\.v1\.Order, .* has 0 key fields"),
        (
            f"message Two {{ string a = 1 {KEY}; string b = 2 {KEY}; }}"
            f"service S {{ {OBJECT} rpc R(Two) returns (Receipt); }}",
            r"shop\.v1\.Two, .* has 2 key fields",
        ),
        (
            f"message Number {{ int64 a = 1 {KEY}; }} service S {{ {OBJECT} rpc R(Number) returns (Receipt); }}",
            r"shop\.v1\.Number\.a is marked as the key but is not one string",
        ),
        (
            f"message Many {{ repeated string a = 1 {KEY}; }} service S {{ {OBJECT} rpc R(Many) returns (Receipt); }}",
            r"shop\.v1\.Many\.a is marked as the key but is not one string",
        ),
        (
            "service S { rpc R(Order) returns (Receipt) { option (perdure.v1.method) = { kind: EXCLUSIVE }; } }",
            r"shop\.v1\.S\.R has kind EXCLUSIVE, .* no kind at all",
        ),
        (
            f"service S {{ {OBJECT}"
            " rpc R(Order) returns (Receipt) { option (perdure.v1.method) = { kind: RUN }; } }",
            r"has kind RUN, .* EXCLUSIVE or SHARED",
        ),
        (
            f"message K {{ string a = 1 {KEY}; }} service S {{ {WORKFLOW} rpc Go(K) returns (Receipt); }}",
            r"workflow shop\.v1\.S has 0 run handlers",
        ),
        (
            'service S { option (perdure.v1.service) = { state: "shop.v1.Order" }; rpc R(Order) returns (Receipt); }',
            r"shop\.v1\.S has state shop\.v1\.Order but is a plain service",
        ),
        (
            'service S { option (perdure.v1.service) = { kind: WORKFLOW state: "shop.v1.None" };'
            " rpc Run(Order) returns (Receipt); }",
            r"state message shop\.v1\.None of shop\.v1\.S is not among",
        ),
        (
            "service S { option (perdure.v1.service) = { execution { retry { factor: 0.5 } } };"
            " rpc R(Order) returns (Receipt); }",
            r"shop\.v1\.S\.R gets a retry factor of 0\.5",
        ),
        (
            "service S { option (perdure.v1.service) = { execution { inactivity_timeout { seconds: -1 } } };"
            " rpc R(Order) returns (Receipt); }",
            r"shop\.v1\.S sets inactivity_timeout to -1000 ms",
        ),
        (
            "service S { option (perdure.v1.service) = { execution { retry { initial_interval { seconds: 9 }"
            " max_interval { seconds: 1 } } } }; rpc R(Order) returns (Receipt); }",
            r"max_interval of 1000 ms, shorter",
        ),
    ],
)
def test_a_wrong_contract(tmp_path: Path, body: str, sentence: str) -> None:
    compiled = compile_protos(tmp_path, contract(body))

    with pytest.raises(ContractError, match=sentence):
        Contracts.described(compiled, ["shop.v1.S"])


def test_a_service_that_is_not_in_the_descriptors(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"serves shop\.v1\.Gone but its descriptors do not hold it"):
        Contracts.described(compile_protos(tmp_path, contract("")), ["shop.v1.Gone"])


def test_an_endpoint_without_services() -> None:
    with pytest.raises(ContractError, match="serves no services"):
        Contracts.described(b"", [])


def test_a_service_that_is_served_twice() -> None:
    with pytest.raises(ContractError, match=r"serves a\.S more than once"):
        Contracts.described(b"", ["a.S", "a.S"])


def test_bytes_that_are_no_descriptor_set() -> None:
    with pytest.raises(ContractError, match="no FileDescriptorSet"):
        Contracts.described(b"\xff\xff", ["a.S"])


def test_a_file_that_was_not_sent() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name="a.proto", dependency=["b.proto"])

    with pytest.raises(ContractError, match=r"a\.proto imports b\.proto, which the endpoint did not send"):
        Contracts.described(files.SerializeToString(), ["a.S"])


def test_files_that_import_each_other() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    files.file.add(name="a.proto", dependency=["b.proto"])
    files.file.add(name="b.proto", dependency=["a.proto"])

    with pytest.raises(ContractError, match=r"a\.proto imports itself through a\.proto, b\.proto"):
        Contracts.described(files.SerializeToString(), ["a.S"])


def test_a_file_that_does_not_link() -> None:
    files = descriptor_pb2.FileDescriptorSet()
    service = files.file.add(name="a.proto", package="a").service.add(name="S")
    service.method.add(name="R", input_type=".a.Missing", output_type=".a.Missing")

    with pytest.raises(ContractError, match=r"a\.proto cannot be linked"):
        Contracts.described(files.SerializeToString(), ["a.S"])
