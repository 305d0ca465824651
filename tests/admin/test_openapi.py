"""The OpenAPI document: complete, well-formed, and true."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from google.protobuf import json_format
from perdure_runtime.admin.openapi import document
from perdure_runtime.admin.rpc import SERVICE
from perdure_runtime.admin.service import AdminService

from tests.admin.administration import FakeAdministration
from tests.admin.town import Town, play

RPCS = AdminService(FakeAdministration()).rpcs
DOCUMENT: dict[str, Any] = json.loads(document(RPCS))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name == "$ref":
                yield each
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_it_has_every_rpc() -> None:
    assert list(DOCUMENT["paths"]) == [f"/{SERVICE.full_name}/{method.name}" for method in SERVICE.methods]
    assert DOCUMENT["openapi"] == "3.1.0"


def test_all_that_it_refers_to_is_there() -> None:
    known = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(_references(DOCUMENT)) <= known


def test_each_of_its_schemas_is_one() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


@pytest.mark.parametrize("name", RPCS)
def test_each_operation_says_what_it_does_and_takes_an_empty_request(name: str) -> None:
    operation = DOCUMENT["paths"][RPCS[name].path]["post"]
    assert operation["summary"]
    assert operation["operationId"] == name
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    assert jsonschema_rs.validator_for(whole).is_valid({})


def test_it_is_served_as_it_is_and_answers_fit_it() -> None:
    async def story(town: Town) -> None:
        status, body = await town.http("GET", "/openapi.json")
        served = json.loads(body)
        assert (status, served["paths"]) == (200, DOCUMENT["paths"])
        await town.ended(await town.add("ada"))
        for name in ("ListServices", "ListInvocations", "GetOverview", "GetCluster", "ListDeployments"):
            _, answer = await town.json(name, "{}")
            schema = served["paths"][RPCS[name].path]["post"]["responses"]["200"]["content"]["application/json"]
            validator = jsonschema_rs.validator_for({**schema["schema"], "components": served["components"]})
            assert validator.is_valid(answer), (name, answer)
            assert json_format.ParseDict(answer, RPCS[name].response()).ByteSize() > 0

    play(story)
