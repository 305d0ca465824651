"""The OpenAPI document of what callers can call: made from the contracts of the moment."""

import json
from typing import Any

from perdure_runtime.contracts import Contracts, Descriptors, HandlerFacts
from perdure_runtime.contracts.schema import Schemas
from perdure_runtime.contracts.shapes import descriptor_of
from perdure_runtime.ingress.http.errors import CODES
from perdure_runtime.security.principal import Principal

VERSION = "3.1.0"
COMPONENTS = "#/components/schemas/"
# What an error looks like, whatever its status.
ERROR: dict[str, Any] = {
    "type": "object",
    "title": "Error",
    "required": ["code", "message"],
    "properties": {
        "code": {"enum": [name for name, _ in CODES.values()]},
        "message": {"type": "string", "description": "What is wrong, and what to do."},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}
# Who asks: a node without authentication wants neither.
SECURITY_SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "token": {"type": "http", "scheme": "bearer"},
}
SECURITY: list[dict[str, list[str]]] = [{}, {"apiKey": []}, {"token": []}]
WISHES = {
    "idempotency-key": "Calls of a handler with the same key are one invocation.",
    "perdure-mode": "send does not wait for the result.",
    "perdure-delay": "When the handler starts at the earliest: a whole number with ms, s, m, h or d.",
}
SENT = {
    "description": "It is accepted, and nobody waits.",
    "content": {"application/json": {"schema": {"type": "object", "properties": {"invocationId": {"type": "string"}}}}},
}


def document(contracts: Contracts, caller: Principal) -> bytes:
    """The public handlers that somebody may call, as JSON."""
    schemas: dict[Descriptors, Schemas] = {}
    paths: dict[str, Any] = {}
    for name, service in sorted(contracts.items()):
        if not caller.may_call(name):
            continue
        suffix = f".{len(schemas)}" if schemas else ""
        known = schemas.setdefault(service.descriptors, Schemas(COMPONENTS, suffix, camel=True))
        for handler in service.handlers.values():
            if handler.public:
                paths[handler.path] = {"post": _operation(handler, known)}
    components = {name: schema for known in schemas.values() for name, schema in sorted(known.components.items())}
    return json.dumps(
        {
            "openapi": VERSION,
            "info": {
                "title": "perdure",
                "version": "1",
                "description": "Handlers, each called by a POST of its request. A field may have the name of its "
                "contract, too.",
            },
            "paths": paths,
            "components": {"schemas": {**components, "Error": ERROR}, "securitySchemes": SECURITY_SCHEMES},
            "security": SECURITY,
        },
        ensure_ascii=False,
    ).encode()


def content(schema: dict[str, Any]) -> dict[str, Any]:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}


def failed() -> dict[str, Any]:
    """Any answer that is an error."""
    return {"description": "It is not done.", "content": content({"$ref": f"{COMPONENTS}Error"})}


def _operation(handler: HandlerFacts, schemas: Schemas) -> dict[str, Any]:
    comment = handler.descriptors.comments.get(f"{handler.service}.{handler.name}", "")
    return {
        "operationId": f"{handler.service}.{handler.name}",
        "tags": [handler.service],
        "summary": comment.partition(". ")[0].rstrip(".") or f"Calls {handler.service}/{handler.name}",
        **({"description": comment} if comment else {}),
        "parameters": [
            {"name": name, "in": "header", "description": words, "schema": {"type": "string"}}
            for name, words in WISHES.items()
        ],
        "requestBody": {"required": True, "content": content(schemas.of(descriptor_of(handler.request)))},
        "responses": {
            "200": {"description": "It has ended.", "content": content(schemas.of(descriptor_of(handler.response)))},
            "202": SENT,
            "default": failed(),
        },
    }
