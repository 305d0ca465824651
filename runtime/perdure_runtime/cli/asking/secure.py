"""What a connection proves and trusts: TLS, and the API key of who asks."""

import ssl
from pathlib import Path

from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.problem import Problem

API_KEY = "x-api-key"


def headers_of(connection: Connection) -> dict[str, str]:
    """What each request says about who asks. Raises Problem."""
    key = connection.api_key
    if connection.api_key_file is not None:
        if key:
            raise Problem("--api-key and --api-key-file: give one of them")
        key = _read("--api-key-file", connection.api_key_file).strip()
    return {API_KEY: key} if key else {}


def tls_of(connection: Connection) -> ssl.SSLContext | None:
    """How to connect with TLS; None without. Raises Problem."""
    if connection.cert is None and connection.cert_key is not None:
        raise Problem("--cert-key: this is the key of a certificate; name that with --cert")
    if not (connection.tls or connection.ca or connection.cert):
        return None
    try:
        context = ssl.create_default_context(cafile=connection.ca)
        if connection.cert is not None:
            context.load_cert_chain(connection.cert, connection.cert_key)
    except OSError as error:
        raise Problem(f"TLS: the files of --ca, --cert and --cert-key cannot be used: {error}") from error
    return context


def _read(option: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{option}: {path} cannot be read: {error}") from error
