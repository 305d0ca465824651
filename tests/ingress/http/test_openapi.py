"""The OpenAPI document of the ingress: what is public, as it is called."""

import json
from typing import Any

import jsonschema_rs
from perdure_runtime.contracts import Contracts
from perdure_runtime.ingress.http.openapi import document
from perdure_runtime.security.principal import ANYBODY, Principal

from tests.ingress.http import shop
from tests.ingress.http.room import Room, play


def _document(contracts: Contracts | None = None, caller: Principal = ANYBODY) -> Any:
    return json.loads(document(shop.contracts() if contracts is None else contracts, caller))


def _request(told: Any, path: str) -> jsonschema_rs.Validator:
    schema = told["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return jsonschema_rs.validator_for({**schema, "components": told["components"]})


def test_it_has_the_public_handlers_and_nothing_of_the_private_ones() -> None:
    told = _document()
    assert sorted(told["paths"]) == ["/old.v1.Forms/File", shop.ADD, shop.PROCESS, shop.RUN]
    assert "Audit" not in json.dumps(told)
    assert "Backstage" not in json.dumps(told)


def test_it_has_those_services_that_the_caller_may_call() -> None:
    told = _document(caller=Principal("eve", None, ("shop.v1.Acc*",)))
    assert list(told["paths"]) == [shop.ADD]


def test_requests_are_described_as_json_has_them() -> None:
    told = _document()
    basket = _request(told, shop.PROCESS)
    assert basket.is_valid({"customerName": "ada", "lines": [{"sku": "a", "count": 1}], "cents": "12"})
    assert not basket.is_valid({"customerName": 1})
    assert not basket.is_valid({"lines": {}})
    assert not _request(told, "/old.v1.Forms/File").is_valid({}), "its name is required"


def test_every_schema_in_it_is_one() -> None:
    for name, schema in _document()["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid(schema), name


def test_messages_of_one_name_from_two_deployments_stand_beside_each_other() -> None:
    # Two that were registered one after the other: each has a pool of its own.
    first, second = Contracts([shop.contracts()["shop.v1.Orders"]]), shop.contracts.__wrapped__()
    told = _document(first.merged(Contracts([second["shop.v1.Accounts"]])))
    names = {name for name in told["components"]["schemas"] if name.startswith("shop.v1.")}
    assert names == {"shop.v1.Account", "shop.v1.Basket.1", "shop.v1.Line.1", "shop.v1.Receipt.1"}


def test_it_is_served() -> None:
    async def story(room: Room) -> None:
        answer = await room.ask("GET", "/openapi.json")
        assert (answer.status, answer.json) == (200, _document())
        assert (await room.ask("POST", "/openapi.json")).status == 405

    play(story)
