"""Contracts written in a test, compiled by protoc to descriptor sets."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

PROTOS = Path(__file__).parents[2] / "protos"


def compile_protos(folder: Path, sources: Mapping[str, str]) -> bytes:
    """Compiles proto files by name and text to a serialised FileDescriptorSet with all their imports."""
    for name, text in sources.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    out = folder / "set.binpb"
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{folder}", f"-I{PROTOS}", "--include_imports"]
    subprocess.run([*protoc, f"--descriptor_set_out={out}", *sources], check=True)
    return out.read_bytes()


def contract(body: str) -> dict[str, str]:
    """One file shop/v1/shop.proto with a body, annotations imported."""
    return {
        "shop/v1/shop.proto": (
            'syntax = "proto3"; package shop.v1;\n'
            'import "perdure/v1/annotations.proto"; import "google/protobuf/empty.proto";\n'
            "message Order { string id = 1; repeated string items = 2; }\n"
            "message Receipt { string id = 1; }\n" + body
        )
    }
