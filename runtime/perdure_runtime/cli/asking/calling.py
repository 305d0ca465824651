"""Calling a handler through the ingress: JSON by POST."""

import http.client
import json
import ssl
from dataclasses import dataclass

from perdure_protos.perdure.admin.v1.deployments_pb2 import (
    GetServiceRequest,
    ListServicesRequest,
    ListServicesResponse,
    Service,
)

from perdure_runtime.cli.address import parse_address
from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.asking.secure import headers_of, tls_of
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.duration import parse_duration_ms
from perdure_runtime.cli.given import read_json
from perdure_runtime.cli.printing import note, print_value
from perdure_runtime.cli.problem import Problem

# Codes of Connect that say that the caller has something to mend; all others came out of the call.
MENDABLE = frozenset({"invalid_argument", "not_found", "unauthenticated", "permission_denied", "unimplemented"})


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a call is to be made; the empty text leaves it as it is."""

    key: str
    idempotency_key: str
    send: bool
    delay: str
    timeout: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the ingress said."""

    status: int
    invocation_id: str
    body: object


def run(connection: Connection, ingress: str, handler: str, given: str, wishes: Wishes) -> None:
    """Calls, and prints the answer. Raises Problem, also with the terminal error of the handler."""
    service, slash, method = handler.partition("/")
    if not slash or not service or not method:
        raise Problem(f"{handler!r} names no handler; write SERVICE/METHOD, such as shop.v1.OrderService/Process")
    request = read_json("JSON", given)
    headers = _headers(wishes)
    if "." not in service:
        service = _full_name(connection, service)
    if wishes.key:
        request = _with_key(connection, service, method, request, wishes.key)
    answer = _post(connection, ingress, f"/{service}/{method}", request, headers)
    if answer.status >= 300:
        raise _problem(answer)
    if answer.invocation_id and not wishes.send and not wishes.delay:
        note(answer.invocation_id)
    print_value(answer.body)


def _headers(wishes: Wishes) -> dict[str, str]:
    headers = {"content-type": "application/json"}
    if wishes.idempotency_key:
        headers["idempotency-key"] = wishes.idempotency_key
    if wishes.send:
        headers["perdure-mode"] = "send"
    if wishes.delay:
        headers["perdure-delay"] = f"{parse_duration_ms('--delay', wishes.delay)}ms"
    if wishes.timeout:
        headers["connect-timeout-ms"] = str(parse_duration_ms("--timeout", wishes.timeout))
    return headers


def _full_name(connection: Connection, service: str) -> str:
    """Of the one service that is called so in whatever package."""
    services = ask(connection, ListServicesRequest(), ListServicesResponse).services
    names = [each.name for each in services if each.name.rpartition(".")[2] == service]
    if len(names) == 1:
        return names[0]
    known = f"it can be {' or '.join(names)}" if names else "perdure services list shows those that there are"
    raise Problem(f"{service!r} is {'several services' if names else 'no service'}: {known}")


def _with_key(connection: Connection, service: str, method: str, request: str, key: str) -> str:
    """The request with its key field set, which the contract names."""
    known = ask(connection, GetServiceRequest(name=service), Service)
    fields = [each.key_field for each in known.handlers if each.name == method]
    if not fields or not fields[0]:
        raise Problem(f"--key: {service}/{method} has no key; it is for handlers of objects and workflows")
    value = json.loads(request)
    if not isinstance(value, dict):
        raise Problem("JSON: a request is an object")
    return json.dumps({**value, fields[0]: key})


def _post(connection: Connection, ingress: str, path: str, body: str, headers: dict[str, str]) -> Answer:
    host, port = parse_address("--ingress", ingress)
    context = tls_of(connection)
    headers = {**headers, **headers_of(connection)}
    try:
        line = _line(host, port, context)
        try:
            line.request("POST", path, body.encode(), headers)
            response = line.getresponse()
            return Answer(
                response.status, response.getheader("perdure-invocation-id", ""), json.loads(response.read() or b"null")
            )
        finally:
            line.close()
    except (OSError, http.client.HTTPException) as error:
        raise Problem(
            f"no perdure node answers at {ingress}: {error or type(error).__name__}; start one with `perdure up`, or "
            "name the one that runs with --ingress HOST:PORT"
        ) from error
    except ValueError as error:
        raise Problem(f"what answers at {ingress} is no ingress of a node: {error}") from error


def _line(host: str, port: int, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection(host, port)
    return http.client.HTTPSConnection(host, port, context=context)


def _problem(answer: Answer) -> Problem:
    error = answer.body if isinstance(answer.body, dict) else {}
    code, message = error.get("code", f"HTTP status {answer.status}"), error.get("message", "")
    details = [json.dumps(detail.get("debug"), ensure_ascii=False) for detail in error.get("details", ())]
    sentence = f"{code}: {message}" + "".join(f" {detail}" for detail in details if detail != "null")
    # A handler may fail with any of the codes; then an invocation has ended so.
    mendable = code in MENDABLE and not answer.invocation_id
    if answer.invocation_id:
        sentence += f" ({answer.invocation_id})"
    return Problem(sentence, exit_code=2 if mendable else 1)
