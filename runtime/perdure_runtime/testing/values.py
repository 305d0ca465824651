"""What travels in a journal, made readable: requests, responses, results of steps, errors."""

import json

import betterproto
from perdure import Endpoint, codec
from perdure.failures import code_of
from perdure.results import BYTES, MESSAGE
from perdure_protos.perdure.protocol.v1.journal_pb2 import Completion, Entry, Failure, Outcome, Target


def request_text(target: Target, data: bytes, endpoint: Endpoint) -> str:
    """A request: as JSON where this endpoint has its contract."""
    bound = endpoint.find(target.service, target.handler)
    return _size(data) if bound is None else _message_text(bound.handler.request, data)


def response_text(target: Target, data: bytes, endpoint: Endpoint) -> str:
    """A response: as JSON where this endpoint has its contract."""
    bound = endpoint.find(target.service, target.handler)
    return _size(data) if bound is None else _message_text(bound.handler.response, data)


def outcome_text(target: Target, outcome: Outcome, endpoint: Endpoint) -> str:
    """How a handler ended."""
    if outcome.HasField("failure"):
        return failure_text(outcome.failure)
    return response_text(target, outcome.value, endpoint)


def result_text(command: Entry, completion: Completion, endpoint: Endpoint) -> str:
    """What a command gave."""
    if completion.HasField("failure"):
        return failure_text(completion.failure)
    match command.WhichOneof("entry"):
        case "run":
            return step_text(completion.value)
        case "send":
            return completion.value.decode()
        case "call":
            return response_text(command.call.target, completion.value, endpoint)
        case _:
            return _size(completion.value) if completion.value else "done"


def step_text(result: bytes) -> str:
    """What a step gave."""
    if result.startswith(BYTES):
        return _size(result[len(BYTES) :])
    if result.startswith(MESSAGE):
        name, _, data = result[len(MESSAGE) :].partition(b"\0")
        return f"{name.decode().rpartition(':')[2]} of {_size(data)}"
    return _compact(result.decode())


def failure_text(failure: Failure) -> str:
    """A terminal error."""
    return f"{code_of(failure.code).name}: {failure.message}"


def _message_text(cls: type[betterproto.Message], data: bytes) -> str:
    return _compact(codec.to_json(codec.decode(cls, data)))


def _compact(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False)


def _size(data: bytes) -> str:
    return f"{len(data)} bytes" if data else "nothing"
