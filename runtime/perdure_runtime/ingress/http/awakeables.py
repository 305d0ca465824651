"""Completing awakeables: what a handler waits for comes from outside."""

import json
from typing import Any

from grpclib.const import Status

from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.http import payload
from perdure_runtime.ingress.http.exchange import Exchange
from perdure_runtime.ingress.refusal import Refusal

FORM = 'write {"message": "why", "code": "ABORTED"}, where code may be left out'
CODES = {status.name: status for status in Status if status is not Status.OK}


class Awakeables:
    """Resolves and rejects. Who knows the id of an awakeable may. All methods raise Refusal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def resolve(self, exchange: Exchange, awakeable_id: str) -> None:
        """Gives the message in the body, which must be of the type that the handler waits for."""
        form = payload.form_of(exchange.header(b"content-type"))
        timeout_s = exchange.timeout_s()
        body = await exchange.body()
        awaited = await self._desk.awaited(awakeable_id)
        if form is payload.Form.PROTO:
            if awaited is not None:
                awaited.check(body)
            value = body
        elif awaited is not None:
            _, value = await payload.read_json(awaited.message, awaited.pool, body)
        else:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                "the contract that says what this awakeable takes is not registered any more; register an endpoint "
                "that has it, or send the serialised message as application/proto",
            )
        await self._desk.resolve(awakeable_id, value, timeout_s)
        await exchange.answer_json(200, {})

    async def reject(self, exchange: Exchange, awakeable_id: str) -> None:
        """Gives the terminal error in the body."""
        if payload.form_of(exchange.header(b"content-type")) is not payload.Form.JSON:
            raise Refusal(Status.INVALID_ARGUMENT, f"a rejection is application/json; {FORM}", http_status=415)
        timeout_s = exchange.timeout_s()
        message, code = _rejection(await exchange.body())
        await self._desk.reject(awakeable_id, message, code, timeout_s)
        await exchange.answer_json(200, {})


def _rejection(body: bytes) -> tuple[str, Status]:
    """The sentence and the code in a body. Raises Refusal."""
    said: Any
    try:
        said = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"the body is no JSON: {error}; {FORM}") from error
    if not isinstance(said, dict):
        raise Refusal(Status.INVALID_ARGUMENT, f"the body is no object; {FORM}")
    unknown = sorted(said.keys() - {"message", "code"})
    if unknown:
        raise Refusal(
            Status.INVALID_ARGUMENT, f"the body has a field {unknown[0][:100]!r}, which means nothing; {FORM}"
        )
    message, name = said.get("message"), said.get("code", "UNKNOWN")
    if not isinstance(message, str):
        raise Refusal(Status.INVALID_ARGUMENT, f"the message is {'missing' if message is None else 'no text'}; {FORM}")
    try:
        message.encode()
    except UnicodeEncodeError as error:
        raise Refusal(Status.INVALID_ARGUMENT, f"the message holds half of a character: {error.reason}") from error
    code = CODES.get(name) if isinstance(name, str) else None
    if code is None:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"the code {str(name)[:50]!r} is none of an error; it can be {', '.join(CODES)}",
        )
    return message, code
