"""The OpenAPI document of the admin API: made from its contract, so that it never says anything else."""

import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from perdure_runtime.admin.rpc import Rpc
from perdure_runtime.contracts.schema import Schemas
from perdure_runtime.contracts.shapes import descriptor_of
from perdure_runtime.ingress.http.openapi import (
    COMPONENTS,
    ERROR,
    SECURITY,
    SECURITY_SCHEMES,
    VERSION,
    content,
    failed,
)


def document(rpcs: Mapping[str, Rpc]) -> bytes:
    """The document, as JSON."""
    schemas = Schemas(COMPONENTS)
    paths = {rpc.path: {"post": _operation(rpc, schemas)} for rpc in rpcs.values()}
    found: dict[str, Any] = {
        "openapi": VERSION,
        "info": {
            "title": "perdure admin API",
            "version": version("perdure"),
            "description": "What operators ask of a node. Each call is a POST with a JSON object; the same is served "
            "as gRPC. Numbers of 64 bits are text in answers.",
        },
        "paths": paths,
        "components": {
            "schemas": {**dict(sorted(schemas.components.items())), "Error": ERROR},
            "securitySchemes": SECURITY_SCHEMES,
        },
        "security": SECURITY,
    }
    return json.dumps(found, ensure_ascii=False).encode()


def _operation(rpc: Rpc, schemas: Schemas) -> dict[str, Any]:
    return {
        "operationId": rpc.name,
        "summary": rpc.words.partition(". ")[0].rstrip("."),
        "description": f"{rpc.words} The least role for it is {rpc.role.name.lower()}.",
        "requestBody": {"required": True, "content": content(schemas.of(descriptor_of(rpc.request)))},
        "responses": {
            "200": {"description": "It is done.", "content": content(schemas.of(descriptor_of(rpc.response)))},
            "default": failed(),
        },
    }
