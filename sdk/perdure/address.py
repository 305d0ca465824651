"""Where a runtime is, as users write it."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from perdure.errors import UsageError


@dataclass(frozen=True, slots=True)
class Address:
    """Where a runtime listens; ``tls`` is whether its scheme asks for TLS."""

    host: str
    port: int
    tls: bool


def parse_address(address: str) -> Address:
    """Reads "host:port", "http://host:port" or "https://host:port".

    Raises:
        UsageError: It is no such address; the message says what to write.
    """
    scheme, separator, rest = address.rpartition("://")
    try:
        parts = urlsplit(f"//{rest}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    wrong_scheme = separator and scheme.lower() not in ("http", "https")
    if wrong_scheme or not host or not port or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{address!r} is no address of a runtime: write host:port, such as 'localhost:8080'")
    return Address(host, port, scheme.lower() == "https")
