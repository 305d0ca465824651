"""Definitions of operators in files: JSON of a message of the admin API."""

from typing import TypeVar

from google.protobuf.json_format import Parse, ParseError
from google.protobuf.message import Message

from perdure_runtime.cli.given import read_text
from perdure_runtime.cli.problem import Problem

M = TypeVar("M", bound=Message)


def read_definition(file: str, kind: type[M]) -> M:
    """The message in a file, or on the standard input. Raises Problem."""
    text = read_text("FILE", file if file == "-" else f"@{file}")
    try:
        return Parse(text, kind())
    except ParseError as error:
        # It goes on with a list of all fields.
        why = str(error).partition("\n")[0].rstrip(".")
        raise Problem(f"FILE: {file} defines no {kind.DESCRIPTOR.name.lower()}: {why}") from error
