"""The committed code of a contract with everything in it is what the generator gives.

`python -m tests.codegen.golden` writes it anew.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from perdure_codegen.generate import bundled, generate

from tests.codegen.golden import GENERATED, PROTOS

# The plugin as an installed distribution offers it.
PLUGIN = Path(sys.executable).parent / "protoc-gen-perdure"
BUF = Path(sys.executable).parent / "buf"


def files(root: Path) -> Mapping[str, bytes]:
    """All Python files below a directory."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.py")}


def test_generate_gives_the_committed_code_byte_for_byte(tmp_path: Path) -> None:
    written = generate(PROTOS, tmp_path)

    assert files(tmp_path) == files(GENERATED)
    assert sorted(written) == sorted(tmp_path.rglob("*.py"))


@pytest.mark.parametrize("order", [1, -1])
def test_protoc_gives_the_same_in_whatever_order_it_is_given_files(tmp_path: Path, order: int) -> None:
    protos = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))[::order]
    protoc = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}", f"-I{bundled()}", f"--plugin={PLUGIN}"]

    subprocess.run([*protoc, f"--perdure_out={tmp_path}", *protos], check=True)

    assert files(tmp_path) == files(GENERATED)


def test_buf_gives_the_same_as_protoc(tmp_path: Path) -> None:
    (tmp_path / "buf.yaml").write_text("version: v2\nmodules:\n  - path: protos\n  - path: annotations\n")
    (tmp_path / "buf.gen.yaml").write_text(
        f"version: v2\ninputs: [{{directory: protos}}]\nplugins: [{{local: {PLUGIN}, out: generated, strategy: all}}]\n"
    )
    (tmp_path / "protos").symlink_to(PROTOS)
    (tmp_path / "annotations/perdure/v1").mkdir(parents=True)
    annotations = "perdure/v1/annotations.proto"
    (tmp_path / "annotations" / annotations).write_bytes((bundled() / annotations).read_bytes())

    subprocess.run([BUF, "generate"], cwd=tmp_path, check=True)

    assert files(tmp_path / "generated") == files(GENERATED)
