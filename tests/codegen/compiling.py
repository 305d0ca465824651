"""Contracts written in a test, answered by the plugin."""

from collections.abc import Mapping
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]  # It publishes no types.
from perdure_codegen.generate import bundled
from perdure_codegen.plugin import run

# Where grpcio-tools keeps Google's own files.
GOOGLE = Path(protoc.__file__).parent / "_proto"


def request(folder: Path, sources: Mapping[str, str]) -> CodeGeneratorRequest:
    """What the plugin is asked for proto files by name and text: code for all of them."""
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    out = folder / "set.binpb"
    includes = [f"-I{path}" for path in (folder, bundled(), GOOGLE)]
    flags = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
    assert protoc.main(["protoc", *includes, *flags, *sources]) == 0
    return CodeGeneratorRequest(
        file_to_generate=sources, proto_file=FileDescriptorSet.FromString(out.read_bytes()).file
    )


def complaints(folder: Path, sources: Mapping[str, str]) -> list[str]:
    """What the plugin says is wrong, one problem a line."""
    response = run(request(folder, sources))
    assert not (response.error and response.file)
    return response.error.split("\n") if response.error else []


def modules(folder: Path, sources: Mapping[str, str]) -> dict[str, str]:
    """The code that the plugin gives, by path."""
    response = run(request(folder, sources))
    assert response.error == ""
    return {file.name: file.content for file in response.file}


def shop(body: str) -> dict[str, str]:
    """One file shop/v1/shop.proto, whose body begins in line 5."""
    return {
        "shop/v1/shop.proto": (
            'syntax = "proto3"; package shop.v1;\n'
            'import "perdure/v1/annotations.proto"; import "google/protobuf/empty.proto";\n'
            "message Order { string id = 1 [(perdure.v1.field).key = true]; repeated string items = 2; }\n"
            "message Receipt { string id = 1; }\n" + body
        )
    }
