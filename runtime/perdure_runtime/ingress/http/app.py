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
READS = ("GET", "HEAD")
# Waiting is asked for in either way: some clients give a GET less time than a POST.
WAITS = ("GET", "POST")
CALLS = ("POST",)


class NotAllowed(Refusal):
    """A path that exists, asked for with another method than it takes."""

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(Status.UNIMPLEMENTED, message, http_status=405)
        self.headers = ((b"allow", ", ".join(allowed).encode()),)


class App:
    """Answers requests; one instance serves all connections of a listener."""

    def __init__(self, desk: Desk, limits: Limits, buffered: Buffered) -> None:
        self._desk = desk
        self._limits = limits
        self._buffered = buffered

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = Exchange(scope, receive, send, self._limits, self._buffered)
        try:
            await self._respond(exchange)
        except (Gone, asyncio.CancelledError):
            # The connection cancels what nobody reads any more. The invocation goes on.
            return

    async def _respond(self, exchange: Exchange) -> None:
        try:
            await self._answer(exchange)
        except NotAllowed as refusal:
            await exchange.refuse(refusal, headers=refusal.headers)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Gone:
            raise
        except Exception:
            await exchange.refuse(unexpected(exchange.path))

    async def _answer(self, exchange: Exchange) -> None:
        path = exchange.path
        if exchange.method == "POST" and path.count("/") == 2:
            await self._call(exchange, self._desk.handler(path))
        elif (named := INVOCATION.fullmatch(path)) is not None:
            _check_method(exchange, WAITS if named[2] == "attach" else READS)
            await self._invocation(exchange, named[1], named[2])
        elif path == "/health":
            _check_method(exchange, READS)
            await exchange.answer_json(200, {"status": "SERVING"})
        elif path == "/":
            _check_method(exchange, READS)
            public = (handler.path for handler in self._desk.contracts.handlers.values() if handler.public)
            await exchange.answer_json(200, {"handlers": sorted(public)})
        else:
            self._desk.handler(path)
            _check_method(exchange, CALLS)

    async def _call(self, exchange: Exchange, handler: HandlerFacts) -> None:
        try:
            form = payload.form_of(exchange.header(b"content-type"))
            _check_version(exchange.header(b"connect-protocol-version"))
            wishes = read_wishes(exchange.headers)
            timeout_s = _timeout_s(exchange.header(b"connect-timeout-ms"))
            request, serialised = await payload.read(handler, form, await exchange.body())
            answer = await self._desk.call(handler, request, serialised, wishes, timeout_s)
            if answer.value is None:
                await self._accepted(exchange, answer.invocation_id)
            else:
                await self._result(exchange, handler, form, answer.value, answer.invocation_id)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)

    async def _accepted(self, exchange: Exchange, invocation_id: str) -> None:
        named = ((INVOCATION_ID, invocation_id.encode()),)
        await exchange.answer_json(202, {"invocationId": invocation_id}, named)

    async def _result(
        self, exchange: Exchange, handler: HandlerFacts, form: payload.Form, value: bytes, invocation_id: str
    ) -> None:
        body = await payload.write(handler, form, value, invocation_id)
        await exchange.answer(200, body, form.value, ((INVOCATION_ID, invocation_id.encode()),))

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
            await self._result(exchange, handler, payload.Form.JSON, value, invocation_id)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)


def _check_method(exchange: Exchange, allowed: tuple[str, ...]) -> None:
    if exchange.method not in allowed:
        raise NotAllowed(f"{exchange.path} takes {' or '.join(allowed)}, not {exchange.method}", allowed)


def _check_version(value: bytes | None) -> None:
    if value is not None and value != b"1":
        shown = value[:50].decode("latin-1")
        raise Refusal(Status.INVALID_ARGUMENT, f"connect-protocol-version is {shown!r}; this node speaks version 1")


def _timeout_s(value: bytes | None) -> float | None:
    if value is None:
        return None
    if TIMEOUT.fullmatch(value) is None:
        shown = value[:50].decode("latin-1")
        raise Refusal(
            Status.INVALID_ARGUMENT, f"connect-timeout-ms is {shown!r}; write whole milliseconds, such as 500"
        )
    return int(value) / 1000
