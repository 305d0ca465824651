"""Where a runtime is, as users write it."""

from urllib.parse import urlsplit

from perdure.errors import UsageError


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of "host:port" or "http://host:port".

    Raises:
        UsageError: It is no such address; the message says what to write.
    """
    scheme, separator, rest = address.rpartition("://")
    if separator and scheme.lower() == "https":
        raise UsageError(f"{address!r} asks for TLS, which perdure does not speak yet; write {rest.rstrip('/')!r}")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    wrong_scheme = separator and scheme.lower() != "http"
    if wrong_scheme or not host or not port or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{address!r} is no address of a runtime: write host:port, such as 'localhost:8080'")
    return host, port
