"""`perdure generate`: what `buf generate` does, for people without buf."""

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from perdure_codegen.plugin import run
from perdure_codegen.render import PARENT


class GenerationFailed(Exception):
    """No code was made; the message says why in one sentence for each problem."""


def generate(protos: Path, out: Path) -> list[Path]:
    """Generates Python from all proto files below a directory; writes nothing where they are wrong.

    Args:
        protos: The root that the imports of the files start from.
        out: The root that the Python packages go below; made if it does not exist. Put it on `sys.path`.

    Returns:
        The files that were written. Where a parent of a package is a module already, it is left as it is.

    Raises:
        GenerationFailed: The contract is wrong, or a directory is not what it should be.
    """
    request = _compile(protos)
    response = run(request)
    if response.error:
        raise GenerationFailed(response.error)
    if not response.file:
        raise GenerationFailed(f"the .proto files below {protos} are perdure's own: add your contract to them")
    written = []
    for file in response.file:
        path = out / file.name
        if file.content == PARENT and path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.content, encoding="utf-8")
        except OSError as error:
            raise GenerationFailed(f"cannot write {path}: {error.strerror or error}") from error
        written.append(path)
    return written


def bundled() -> Path:
    """The directory to add to the include path of a compiler: it holds perdure/v1/annotations.proto."""
    shipped = Path(__file__).parent / "protos"
    # An editable install uses the file where it is kept.
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "protos"


def _compile(protos: Path) -> CodeGeneratorRequest:
    names = _find(protos)
    if importlib.util.find_spec("grpc_tools") is None:
        raise GenerationFailed(
            "perdure generate compiles .proto files with grpcio-tools, which is not installed: pip install "
            "'perdure[generate]', or use buf generate"
        )
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder, "set.binpb")
        arguments = ["-I.", f"-I{bundled()}", f"--descriptor_set_out={compiled}"]
        arguments += ["--include_imports", "--include_source_info", *names]
        # A file of arguments, since many paths are longer than a command may be.
        listed = Path(folder, "arguments")
        listed.write_text("\n".join(arguments), encoding="utf-8")
        # -P: a folder grpc_tools or google where this is run is not the module.
        command = [sys.executable, "-P", "-m", "grpc_tools.protoc", f"@{listed}"]
        ended = subprocess.run(command, cwd=protos, capture_output=True, text=True, check=False)
        if ended.returncode:
            raise GenerationFailed(ended.stderr.strip() or f"protoc ended with status {ended.returncode}")
        return CodeGeneratorRequest(
            file_to_generate=names, proto_file=FileDescriptorSet.FromString(compiled.read_bytes()).file
        )


def _find(protos: Path) -> list[str]:
    """The proto files below a directory, by their names below it. Hidden directories are none of the contract."""
    if not protos.exists():
        raise GenerationFailed(f"{protos} does not exist: give the root directory of your .proto files")
    if not protos.is_dir():
        raise GenerationFailed(f"{protos} is a file: give the root directory that its imports start from")
    below = sorted(path.relative_to(protos) for path in protos.rglob("*.proto"))
    names = [path.as_posix() for path in below if not any(part.startswith(".") for part in path.parts)]
    if not names:
        raise GenerationFailed(f"there are no .proto files below {protos}: give the root directory of your contract")
    return names
