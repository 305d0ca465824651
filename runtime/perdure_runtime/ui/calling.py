"""Calls from the UI: they go through the ingress of this process, and are checked there as everybody's are."""

from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.http.payload import Form, read, write
from perdure_runtime.ingress.wishes import IDEMPOTENCY_KEY, MODE, read_wishes
from perdure_runtime.ui.port import HandlerAnswer, HandlerCall

# People wait so long for a page; the invocation goes on, and its page says how.
TIMEOUT_S = 20.0


class ThroughIngress:
    """Implements ``Caller``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def call(self, call: HandlerCall) -> HandlerAnswer:
        """Calls a public handler. Raises Refusal."""
        handler = self._desk.handler(f"/{call.service}/{call.handler}")
        message, input = await read(handler, Form.JSON, call.request.encode())
        headers = []
        if call.idempotency_key:
            headers.append((IDEMPOTENCY_KEY, call.idempotency_key.encode()))
        if call.one_way:
            headers.append((MODE, b"send"))
        answer = await self._desk.call(handler, message, input, read_wishes(headers), TIMEOUT_S)
        if answer.value is None:
            return HandlerAnswer(answer.invocation_id, "")
        written = await write(handler, Form.JSON, answer.value, answer.invocation_id)
        return HandlerAnswer(answer.invocation_id, written.decode())
