"""Promises and awakeables, resolved and rejected."""

from perdure_protos.perdure.admin.v1.state_pb2 import (
    CompleteAwakeableRequest,
    CompleteAwakeableResponse,
    CompletePromiseRequest,
    CompletePromiseResponse,
)

from perdure_runtime.cli.asking.node import ask
from perdure_runtime.cli.connection import Connection
from perdure_runtime.cli.given import read_json
from perdure_runtime.cli.printing import say


def resolve_promise(connection: Connection, service: str, key: str, name: str, given: str) -> None:
    """Gives a promise its message. Raises Problem."""
    request = CompletePromiseRequest(service=service, key=key, name=name, value=read_json("JSON", given))
    ask(connection, request, CompletePromiseResponse)
    say(f"{name} of {service} {key} is resolved")


def reject_promise(connection: Connection, service: str, key: str, name: str, message: str) -> None:
    """Gives a promise a terminal error. Raises Problem."""
    request = CompletePromiseRequest(service=service, key=key, name=name, failure=message)
    ask(connection, request, CompletePromiseResponse)
    say(f"{name} of {service} {key} is rejected")


def resolve_awakeable(connection: Connection, awakeable_id: str, given: str) -> None:
    """Gives an awakeable its message. Raises Problem."""
    request = CompleteAwakeableRequest(id=awakeable_id, value=read_json("JSON", given))
    ask(connection, request, CompleteAwakeableResponse)
    say(f"{awakeable_id} is resolved")


def reject_awakeable(connection: Connection, awakeable_id: str, message: str) -> None:
    """Gives an awakeable a terminal error. Raises Problem."""
    ask(connection, CompleteAwakeableRequest(id=awakeable_id, failure=message), CompleteAwakeableResponse)
    say(f"{awakeable_id} is rejected")
