"""Whether every type that a contract uses has a Python class."""

from collections.abc import Iterator

import betterproto.lib.google.protobuf as google_protobuf
import betterproto.lib.google.protobuf.compiler as google_protobuf_compiler

from perdure_codegen import naming
from perdure_codegen.contract import Contract, Message
from perdure_codegen.parse import OWN_PACKAGES
from perdure_codegen.problem import Problem

GOOGLE = {"google.protobuf": google_protobuf, "google.protobuf.compiler": google_protobuf_compiler}


def types(contract: Contract, message: Message) -> Iterator[Problem]:
    """The problems of the fields of a message."""
    for field in message.fields:
        wrong = without_class(contract, field.type.name)
        if wrong:
            yield Problem(field.place, f"field {message.full_name}.{field.name}", wrong)


def without_class(contract: Contract, full_name: str) -> str:
    """Why a type has no Python class; empty where it has one."""
    declared = contract.messages.get(full_name) or contract.enums.get(full_name)
    if declared is None:
        return ""
    if declared.package in OWN_PACKAGES:
        return f"{full_name} is a type of perdure's own, for options only: declare a message of yours"
    google = GOOGLE.get(declared.package)
    is_googles = declared.package.startswith("google.")
    if is_googles and (google is None or not hasattr(google, naming.class_name(declared))):
        return f"betterproto has no class for {full_name}: declare a message of yours"
    return ""
