"""Addresses on the command line."""

from perdure_runtime.cli.problem import Problem
from perdure_runtime.invoker.remote import split_address


def parse_address(option: str, text: str) -> tuple[str, int]:
    """``host:port`` of an option; port 0 lets the system choose. Raises Problem."""
    host, colon, port = text.rpartition(":")
    if colon and host and port == "0":
        return host, 0
    try:
        return split_address(text)
    except ValueError as error:
        raise Problem(f"{option}: {error}") from None
