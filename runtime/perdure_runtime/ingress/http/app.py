"""The ASGI application: calls, invocations by id, health, and what can be called."""

import asyncio
import re
from typing import Any

from grpclib.const import Status

from perdure_runtime.contracts import HandlerFacts
from perdure_runtime.ingress.desk import Desk, value_of
from perdure_runtime.ingress.http import payload
from perdure_runtime.ingress.http.exchange import Exchange, Gone, Receive, Send
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.port import EndedInvocation
from perdure_runtime.ingress.refusal import Refusal, unexpected
from perdure_runtime.ingress.wishes import INVOCATION_ID, read_wishes

INVOCATION = re.compile(r"/invocations/([^/]+)/(attach|output)")
# Connect's: milliseconds, at most ten digits.
TIMEOUT = re.compile(rb"\d{1,10}")
ALLOW_POST = ((b"allow", b"POST"),)
ALLOW_GET = ((b"allow", b"GET"),)


class App:
    """Answers requests; one instance serves all connections of a listener."""

    def __init__(self, desk: Desk, limits: Limits, buffered: Buffered) -> None:
        self._desk = desk
        self._limits = limits
        self._buffered = buffered

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request. The connection that it came by can end the wait for its answer."""
        connection = scope["state"]["connection"]
        exchange = Exchange(scope, receive, send, self._limits, self._buffered)
        connection.running = asyncio.current_task()
        try:
            await self._answer(exchange)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Gone:
            return
        except asyncio.CancelledError:
            if not connection.cutting:
                return  # The caller has gone: nobody reads an answer.
            sentence = "the node stops; what was accepted goes on when it is back: call again with an idempotency-key"
            await exchange.refuse(Refusal(Status.UNAVAILABLE, sentence))
        except Exception:
            await exchange.refuse(unexpected(exchange.path))
        finally:
            connection.running = None

    async def _answer(self, exchange: Exchange) -> None:
        path = exchange.path
        if exchange.method == "POST" and path.count("/") == 2:
            await self._call(exchange, self._desk.handler(path))
        elif (named := INVOCATION.fullmatch(path)) is not None:
            await self._invocation(exchange, named[1], named[2])
        elif path == "/health":
            await self._get(exchange, {"status": "SERVING"})
        elif path == "/":
            public = (handler.path for handler in self._desk.contracts.handlers.values() if handler.public)
            await self._get(exchange, {"handlers": sorted(public)})
        else:
            self._desk.handler(path)
            wrong = Refusal(Status.UNIMPLEMENTED, f"{path} is called with POST, not {exchange.method}", http_status=405)
            await exchange.refuse(wrong, headers=ALLOW_POST)

    async def _get(self, exchange: Exchange, value: object) -> None:
        if exchange.method in ("GET", "HEAD"):
            await exchange.answer_json(200, value)
            return
        wrong = Refusal(
            Status.UNIMPLEMENTED, f"{exchange.path} is read with GET, not {exchange.method}", http_status=405
        )
        await exchange.refuse(wrong, headers=ALLOW_GET)

    async def _call(self, exchange: Exchange, handler: HandlerFacts) -> None:
        try:
            form = payload.form_of(exchange.header(b"content-type"))
            wishes = read_wishes(exchange.headers)
            timeout_s = _timeout_s(exchange.header(b"connect-timeout-ms"))
            request, serialised = payload.read(handler, form, await exchange.body())
            answer = await self._desk.call(handler, request, serialised, wishes, timeout_s)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)
            return
        named = ((INVOCATION_ID, answer.invocation_id.encode()),)
        if answer.value is None:
            body = b'{"invocationId": "%s"}' % answer.invocation_id.encode()
            await exchange.answer(202, body, headers=named)
        else:
            await exchange.answer(200, payload.write(handler, form, answer.value), form.value, named)

    async def _invocation(self, exchange: Exchange, invocation_id: str, question: str) -> None:
        ended: EndedInvocation | None
        if question == "attach":
            timeout_s = _timeout_s(exchange.header(b"connect-timeout-ms"))
            ended = await self._desk.attach(invocation_id, timeout_s)
        else:
            ended = await self._desk.output(invocation_id)
        if ended is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"{invocation_id} has not ended yet; wait for it with /invocations/{invocation_id}/attach",
                http_status=409,
            )
        handler = self._desk.contracts.handlers.get(f"/{ended.service}/{ended.handler}")
        if handler is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"{invocation_id} has ended, but the contract of its handler {ended.service}/{ended.handler} is not "
                "registered any more; register an endpoint that has it to read the result",
            )
        try:
            value = value_of(ended.outcome, invocation_id)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)
            return
        named = ((INVOCATION_ID, invocation_id.encode()),)
        await exchange.answer(200, payload.write(handler, payload.Form.JSON, value), headers=named)


def _timeout_s(value: bytes | None) -> float | None:
    if value is None:
        return None
    if TIMEOUT.fullmatch(value) is None:
        shown = value[:50].decode("latin-1")
        raise Refusal(
            Status.INVALID_ARGUMENT, f"connect-timeout-ms is {shown!r}; write whole milliseconds, such as 500"
        )
    return int(value) / 1000
