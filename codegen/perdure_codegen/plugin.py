"""The plugin as a function: what protoc or buf ask, and what they are answered."""

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import Edition

from perdure_codegen.check import check
from perdure_codegen.parse import parse
from perdure_codegen.problem import Unreadable
from perdure_codegen.render import render


def run(request: CodeGeneratorRequest) -> CodeGeneratorResponse:
    """Generates code for a contract, or says everything that is wrong with it."""
    # Claiming to know all editions makes the compilers hand every file over: what is unsupported is refused here, with
    # a sentence that says what to write instead.
    response = CodeGeneratorResponse(
        supported_features=(
            CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL | CodeGeneratorResponse.FEATURE_SUPPORTS_EDITIONS
        ),
        minimum_edition=Edition.EDITION_PROTO2,
        maximum_edition=Edition.EDITION_2024,
    )
    if request.parameter:
        response.error = f"protoc-gen-perdure takes no options, but got {request.parameter!r}: remove them"
        return response
    try:
        contract = parse(request)
    except Unreadable as error:
        response.error = str(error)
        return response
    problems = check(contract)
    if problems:
        response.error = "\n".join(str(problem) for problem in problems)
        return response
    for module in render(contract):
        response.file.add(name=module.path, content=module.text)
    return response
