"""What stands at which path.

| path | what it does |
| --- | --- |
| `POST /package.Service/Method` | calls a handler |
| `/invocations/{id}/attach`, `output`, `cancel`, `signals/{name}` | asks about an invocation, or tells it something |
| `/workflows/{service}/{id}/attach`, `output`, `cancel` | the same for the run of a workflow |
| `/awakeables/{id}/resolve`, `reject` | gives a handler what it waits for |
| `/health`, `/`, `/openapi.json` | whether the node serves, what, and how it is called |

Ids may hold anything: percent-escapes are read after the path is cut at its slashes.
"""

import asyncio
from urllib.parse import unquote_to_bytes

from grpclib.const import Status

from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.http.awakeables import Awakeables
from perdure_runtime.ingress.http.calls import Calls
from perdure_runtime.ingress.http.exchange import Exchange
from perdure_runtime.ingress.http.invocations import RunningInvocations
from perdure_runtime.ingress.http.openapi import document
from perdure_runtime.ingress.port import WorkflowId
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.security.principal import CALLER

READS = ("GET", "HEAD")
# Waiting is asked for in either way: some clients give a GET less time than a POST.
WAITS = ("GET", "POST")


class Routes:
    """Finds who answers a request."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._calls = Calls(desk)
        self._invocations = RunningInvocations(desk)
        self._awakeables = Awakeables(desk)

    async def answer(self, exchange: Exchange) -> None:
        """Answers a request. Raises Refusal."""
        if exchange.method == "POST" and exchange.path.count("/") == 2:
            await self._calls.answer(exchange, self._desk.handler(exchange.path))
            return
        match _parts(exchange.raw_path):
            case ["invocations", id, "attach"]:
                exchange.allow(*WAITS)
                await self._invocations.attach(exchange, id)
            case ["invocations", id, "output"]:
                exchange.allow(*READS)
                await self._invocations.output(exchange, id)
            case ["invocations", id, "cancel"]:
                exchange.allow("POST")
                await self._invocations.cancel(exchange, id)
            case ["invocations", id, "signals", name]:
                exchange.allow("POST")
                await self._invocations.signal(exchange, id, name)
            case ["workflows", service, id, "attach"]:
                exchange.allow(*WAITS)
                await self._invocations.attach(exchange, WorkflowId(service, id))
            case ["workflows", service, id, "output"]:
                exchange.allow(*READS)
                await self._invocations.output(exchange, WorkflowId(service, id))
            case ["workflows", service, id, "cancel"]:
                exchange.allow("POST")
                await self._invocations.cancel(exchange, WorkflowId(service, id))
            case ["awakeables", id, "resolve"]:
                exchange.allow("POST")
                await self._awakeables.resolve(exchange, id)
            case ["awakeables", id, "reject"]:
                exchange.allow("POST")
                await self._awakeables.reject(exchange, id)
            case ["health"]:
                exchange.allow(*READS)
                await exchange.answer_json(200, {"status": "SERVING"})
            case ["openapi.json"]:
                exchange.allow(*READS)
                # Schemas of large contracts take a moment.
                await exchange.answer(200, await asyncio.to_thread(document, self._desk.contracts, CALLER.get()))
            case [""]:
                exchange.allow(*READS)
                handlers = self._desk.contracts.handlers.values()
                caller = CALLER.get()
                open_to = (each.path for each in handlers if each.public and caller.may_call(each.service))
                await exchange.answer_json(200, {"handlers": sorted(open_to)})
            case _:
                self._desk.handler(exchange.path)
                exchange.allow("POST")


def _parts(raw_path: bytes) -> list[str]:
    parts = raw_path.removeprefix(b"/").split(b"/")
    try:
        return [unquote_to_bytes(part).decode() for part in parts]
    except UnicodeDecodeError as error:
        shown = raw_path[:300].decode("latin-1")
        raise Refusal(
            Status.INVALID_ARGUMENT,
            f"the percent-escapes in {shown!r} are no UTF-8 ({error.reason}); encode it as UTF-8",
        ) from error
