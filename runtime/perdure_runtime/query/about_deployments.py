"""Deployments, and the services in them, as views. There are few: they are read whole."""

import json

from perdure_runtime.query.column import INTEGER, TEXT, Column, derived, iso_time
from perdure_runtime.query.decoding import Decoder
from perdure_runtime.query.relation import Relation, listed
from perdure_runtime.storage.views import ViewRow


def _at(name: str, place: int, meaning: str, type: str = TEXT) -> Column:
    return derived(name, type, meaning, lambda row, _: row[place])


def _deployments(decoder: Decoder) -> list[ViewRow]:
    return [
        (row.id, json.dumps(row.addresses), json.dumps(row.services), row.created_at_ms, row.sdk_version)
        for row in decoder.deployments
    ]


DEPLOYMENTS = Relation(
    "deployment",
    "One registered version of an endpoint.",
    (
        _at("id", 0, "Its id."),
        _at("addresses", 1, "Where its processes serve, as JSON: a list of host:port."),
        _at("services", 2, "What it serves, as JSON: a list of full names."),
        derived("created_at", TEXT, "When it was registered: UTC.", lambda row, _: iso_time(row[3])),
        _at("created_at_ms", 3, "When it was registered: milliseconds since 1970.", INTEGER),
        _at("sdk_version", 4, "The version of perdure that it runs."),
    ),
    ("id",),
    listed(_deployments),
    is_sorted=False,
)


def _services(decoder: Decoder) -> list[ViewRow]:
    rows: list[ViewRow] = []
    for name, deployment in sorted(decoder.newest.items()):
        facts = decoder.contracts(deployment).get(name)
        if facts is not None:
            handlers = {each.name: each.kind.value for each in facts.handlers.values()}
            state = facts.state.full_name if facts.state is not None else None
            kind = facts.kind.name.lower()
            rows.append((name, kind, deployment.id, int(facts.visible), json.dumps(handlers), state))
    return rows


SERVICES = Relation(
    "service",
    "One service of the newest deployment that has it.",
    (
        _at("name", 0, "Full name."),
        _at("kind", 1, "service, virtual_object or workflow."),
        _at("deployment_id", 2, "The deployment that new invocations go to."),
        _at("public", 3, "1 where its contract lets callers from outside in.", INTEGER),
        _at("handlers", 4, "Its handlers, as JSON: name and kind."),
        _at("state", 5, "Full name of the message of its state; NULL where it has none."),
    ),
    ("name",),
    listed(_services),
    is_sorted=False,
)
