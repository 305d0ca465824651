"""The options users write: their numbers are a public promise, and every one of them is documented."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).parents[2]
ANNOTATIONS = "perdure/v1/annotations.proto"


@pytest.fixture(scope="module")
def annotations(tmp_path_factory: pytest.TempPathFactory) -> descriptor_pb2.FileDescriptorProto:
    out = tmp_path_factory.mktemp("annotations") / "set.binpb"
    include = str(Path(protoc.__file__).parent / "_proto")
    arguments = ["protoc", f"-I{ROOT / 'protos'}", f"-I{include}", f"--descriptor_set_out={out}"]
    assert protoc.main([*arguments, "--include_source_info", ANNOTATIONS]) == 0
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
    names = {(4, index): message.name for index, message in enumerate(annotations.message_type)}
    for index, enum in enumerate(annotations.enum_type):
        names[(5, index)] = enum.name
        names.update({(5, index, 2, at): value.name for at, value in enumerate(enum.value)})
    assert {name for path, name in names.items() if path not in documented} == set()
