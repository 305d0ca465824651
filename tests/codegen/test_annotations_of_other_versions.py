"""Contracts bring their own copy of the annotations, which need not be that of the plugin."""

from pathlib import Path

from tests.codegen.compiling import complaints, modules

HEAD = (
    'syntax = "proto3"; package perdure.v1; import "google/protobuf/descriptor.proto";'
    "extend google.protobuf.ServiceOptions { ServiceContract service = 50551; }"
    "message ServiceContract { ServiceKind kind = 1; }"
)
MINE = (
    'syntax = "proto3"; package a.v1; import "perdure/v1/annotations.proto"; message M { string s = 1; }\n'
    "service S { option (perdure.v1.service) = { kind: %s }; rpc R(M) returns (M); }"
)


def test_a_contract_need_not_import_the_annotations(tmp_path: Path) -> None:
    plain = 'syntax = "proto3"; package a.v1; message M { string s = 1; } service S { rpc R(M) returns (M); }'

    code = modules(tmp_path, {"a.proto": plain})["a/v1/__init__.py"]

    assert "kind=_perdure.ServiceKind.SERVICE" in code


def test_fields_that_older_annotations_lack_count_as_not_set(tmp_path: Path) -> None:
    older = f"{HEAD} enum ServiceKind {{ UNSPECIFIED = 0; SERVICE = 1; }}"

    assert complaints(tmp_path, {"perdure/v1/annotations.proto": older, "a.proto": MINE % "SERVICE"}) == []


def test_kinds_of_newer_annotations_are_refused(tmp_path: Path) -> None:
    newer = f"{HEAD} enum ServiceKind {{ UNSPECIFIED = 0; ACTOR = 9; }}"

    assert complaints(tmp_path, {"perdure/v1/annotations.proto": newer, "a.proto": MINE % "ACTOR"}) == [
        "a.proto:2:13: kind: ACTOR is newer than this protoc-gen-perdure: install the version that the "
        "annotations are of"
    ]
