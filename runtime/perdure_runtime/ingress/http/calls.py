"""Calls of handlers, as JSON or as serialised messages."""

from grpclib.const import Status

from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.http import payload
from perdure_runtime.ingress.http.exchange import Exchange
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.wishes import INVOCATION_ID, read_wishes


class Calls:
    """Makes calls, and gives their results."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def answer(self, exchange: Exchange, handler: HandlerFacts) -> None:
        """One call. A one-way send is answered as soon as it is accepted."""
        try:
            form = payload.form_of(exchange.header(b"content-type"))
            _check_version(exchange.header(b"connect-protocol-version"))
            wishes = read_wishes(exchange.headers)
            timeout_s = exchange.timeout_s()
            request, serialised = await payload.read(handler, form, await exchange.body())
            answer = await self._desk.call(handler, request, serialised, wishes, timeout_s)
            if answer.value is None:
                named = ((INVOCATION_ID, answer.invocation_id.encode()),)
                await exchange.answer_json(202, {"invocationId": answer.invocation_id}, named)
            else:
                await give_result(exchange, handler, form, answer.value, answer.invocation_id)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)


async def give_result(
    exchange: Exchange, handler: HandlerFacts, form: payload.Form, value: bytes, invocation_id: str
) -> None:
    """Answers with the response of an invocation. Raises Refusal when it cannot be written in this form."""
    body = await payload.write(handler, form, value, invocation_id)
    await exchange.answer(200, body, form.value, ((INVOCATION_ID, invocation_id.encode()),))


def _check_version(value: bytes | None) -> None:
    if value is not None and value != b"1":
        shown = value[:50].decode("latin-1")
        raise Refusal(Status.INVALID_ARGUMENT, f"connect-protocol-version is {shown!r}; this node speaks version 1")
