"""Addresses on the command line."""

from perdure_runtime.cli.problem import Problem


def parse_address(option: str, text: str) -> tuple[str, int]:
    """``host:port`` of an option; port 0 lets the system choose. Raises Problem."""
    # It stands on the SDK, which a command that only prints its help can do without.
    from perdure_runtime.invoker.remote import split_address

    host, colon, port = text.rpartition(":")
    if colon and host and port == "0":
        return host, 0
    try:
        return split_address(text)
    except ValueError as error:
        raise Problem(f"{option}: {error}") from None
