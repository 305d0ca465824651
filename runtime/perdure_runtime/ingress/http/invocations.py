"""What callers ask about invocations that there are, and tell them."""

from urllib.parse import parse_qs, quote

from grpclib.const import Status

from perdure_runtime.ingress.desk import Desk, value_of
from perdure_runtime.ingress.http import payload
from perdure_runtime.ingress.http.calls import give_result
from perdure_runtime.ingress.http.exchange import Exchange
from perdure_runtime.ingress.messages import named
from perdure_runtime.ingress.port import EndedInvocation, InvocationName, WorkflowId
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.ingress.trouble import shown


class RunningInvocations:
    """Answers questions about an invocation, by its id or as the run of a workflow. All methods raise Refusal."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def attach(self, exchange: Exchange, name: InvocationName) -> None:
        """Waits for the end, and gives the result."""
        await self._result(exchange, await self._desk.attach(name, exchange.timeout_s()))

    async def output(self, exchange: Exchange, name: InvocationName) -> None:
        """Gives the result of what has ended."""
        ended = await self._desk.output(name)
        if ended is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"{shown(name)} has not ended yet; wait for it with {_path(name)}/attach",
                http_status=409,
            )
        await self._result(exchange, ended)

    async def cancel(self, exchange: Exchange, name: InvocationName) -> None:
        """Asks it to end. Nobody waits until it has."""
        await self._desk.cancel(name, exchange.timeout_s())
        await exchange.answer_json(202, {})

    async def signal(self, exchange: Exchange, name: InvocationName, signal: str) -> None:
        """Gives it a signal: a serialised message, or JSON of the type that the query names."""
        form = payload.form_of(exchange.header(b"content-type"))
        timeout_s = exchange.timeout_s()
        if form is payload.Form.PROTO:
            type, value = "", await exchange.body()
        else:
            type = _type(exchange.query)
            message = named(self._desk.contracts, type)
            _, value = await payload.read_json(message.message, message.pool, await exchange.body())
        await self._desk.signal(name, signal, value, timeout_s, type)
        await exchange.answer_json(202, {})

    async def _result(self, exchange: Exchange, ended: EndedInvocation) -> None:
        handler = self._desk.contracts.handlers.get(f"/{ended.service}/{ended.handler}")
        if handler is None:
            raise Refusal(
                Status.FAILED_PRECONDITION,
                f"{ended.invocation_id} has ended, but the contract of its handler {ended.service}/{ended.handler} is "
                "not registered any more; register an endpoint that has it to read the result",
            )
        try:
            value = value_of(ended.outcome, ended.invocation_id)
            await give_result(exchange, handler, payload.Form.JSON, value, ended.invocation_id)
        except Refusal as refusal:
            await exchange.refuse(refusal, handler.descriptors.pool)


def _path(name: InvocationName) -> str:
    """Where an invocation stands, as a caller writes it."""
    if isinstance(name, WorkflowId):
        return f"/workflows/{quote(name.service, safe='')}/{quote(name.id, safe='')}"
    return f"/invocations/{quote(name, safe='')}"


def _type(query: bytes) -> str:
    """The message type that a query names. Raises Refusal."""
    types = parse_qs(query.decode("latin-1")).get("type", [])
    if len(types) != 1:
        raise Refusal(
            Status.INVALID_ARGUMENT,
            "a signal in JSON needs the type of its message: write ?type=package.Message once, or send the serialised "
            "message as application/proto",
        )
    return types[0]
