"""A caller that knows no perdure: JSON over HTTP/1.1 with the client of the standard library."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        headers: By lower-case names.
        value: The body, read as JSON; None where it is empty.
    """

    status: int
    headers: Mapping[str, str]
    value: Any


class JsonCaller:
    """Asks the ingress of a runtime."""

    def __init__(self, ingress: str) -> None:
        self._ingress = ingress

    def post(self, path: str, body: object = None, **headers: str) -> Answer:
        """POSTs a value; an underscore in the name of a header stands for a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask("POST", path, json.dumps({} if body is None else body), named)

    def get(self, path: str) -> Answer:
        """GETs a path."""
        return self._ask("GET", path, None, {})

    def _ask(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._ingress, timeout=TIMEOUT_S)
        try:
            connection.request(method, path, body, {"content-type": "application/json", **headers})
            answer = connection.getresponse()
            text = answer.read()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, named, json.loads(text) if text else None)
        finally:
            connection.close()
