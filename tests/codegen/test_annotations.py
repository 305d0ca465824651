"""The options users write: their numbers are a public promise, and every one of them is documented."""

import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

ROOT = Path(__file__).parents[2]
ANNOTATIONS = "perdure/v1/annotations.proto"


@pytest.fixture(scope="module")
def annotations(tmp_path_factory: pytest.TempPathFactory) -> descriptor_pb2.FileDescriptorProto:
    out = tmp_path_factory.mktemp("annotations") / "set.binpb"
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'protos'}", f"--descriptor_set_out={out}"]
    subprocess.run([*protoc, "--include_source_info", ANNOTATIONS], check=True)
    return descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file[0]


def test_every_option_has_the_extension_number_that_contracts_are_compiled_against(
    annotations: descriptor_pb2.FileDescriptorProto,
) -> None:
    assert {(option.extendee, option.name, option.number) for option in annotations.extension} == {
        (".google.protobuf.ServiceOptions", "service", 50551),
        (".google.protobuf.MethodOptions", "method", 50551),
        (".google.protobuf.FieldOptions", "field", 50551),
    }


def test_every_message_enum_and_enum_value_is_documented_in_the_proto(
    annotations: descriptor_pb2.FileDescriptorProto,
) -> None:
    places = annotations.source_code_info.location
    documented = {tuple(place.path) for place in places if place.leading_comments}
    names: dict[tuple[int, ...], str]
    names = {(4, index): message.name for index, message in enumerate(annotations.message_type)}
    for index, enum in enumerate(annotations.enum_type):
        names[(5, index)] = enum.name
        names.update({(5, index, 2, at): value.name for at, value in enumerate(enum.value)})
    assert {name for path, name in names.items() if path not in documented} == set()
