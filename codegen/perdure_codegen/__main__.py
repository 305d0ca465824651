"""The plugin as a program: protoc and buf write a request to its input and read its answer from its output."""

import sys

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest

from perdure_codegen.plugin import run


def main() -> None:
    """Answers one request."""
    if sys.stdin.isatty():
        sys.exit("protoc-gen-perdure is a plugin that buf or protoc starts: run buf generate, or perdure generate")
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    sys.stdout.buffer.write(run(request).SerializeToString(deterministic=True))


if __name__ == "__main__":
    main()
