"""The ASGI application: what every request goes through, whatever it asks for."""

import asyncio
from typing import Any

from perdure_runtime.ingress.desk import Desk
from perdure_runtime.ingress.gate import Gate, OpenGate
from perdure_runtime.ingress.http.exchange import Exchange, Gone, NotAllowed, Receive, Send
from perdure_runtime.ingress.http.routes import Routes
from perdure_runtime.ingress.limits import Buffered, Limits
from perdure_runtime.ingress.refusal import Refusal, unexpected
from perdure_runtime.security.principal import CALLER
from perdure_runtime.telemetry.tallies import IngressTally

# What is counted for a caller that has gone before it was answered, as proxies do.
GONE = 499


class App:
    """Answers requests; one instance serves all connections of a listener."""

    def __init__(
        self,
        desk: Desk,
        limits: Limits,
        buffered: Buffered,
        tally: IngressTally | None = None,
        gate: Gate | None = None,
    ) -> None:
        self._gate = OpenGate() if gate is None else gate
        self._routes = Routes(desk)
        self._limits = limits
        self._buffered = buffered
        self._tally = IngressTally() if tally is None else tally

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """One request."""
        exchange = Exchange(scope, receive, send, self._limits, self._buffered)
        self._tally.open += 1
        try:
            await self._respond(exchange)
        except (Gone, asyncio.CancelledError):
            # The connection cancels what nobody reads any more. The invocation goes on.
            return
        finally:
            self._tally.ended(str(exchange.status or GONE))

    async def _respond(self, exchange: Exchange) -> None:
        try:
            CALLER.set(self._gate.admit(exchange.raw_path.decode("latin-1"), exchange.headers, exchange.peer))
            await self._routes.answer(exchange)
        except NotAllowed as refusal:
            await exchange.refuse(refusal, headers=refusal.headers)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except Gone:
            raise
        except Exception:
            await exchange.refuse(unexpected(exchange.path))
