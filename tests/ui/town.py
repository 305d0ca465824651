"""A node with an endpoint, in a thread of its own: what the browser looks at is real."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import perdure
from accounts.v1 import AddPointsRequest, UserAccountClient
from orders.v1 import Order, OrderServiceClient, OrderServiceHandlers, Receipt
from payments.v1 import CheckoutClient, PayRequest
from perdure.serve import EndpointServer
from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter
from perdure_protos.perdure.admin.v1.state_pb2 import ListAwakeablesRequest, ListAwakeablesResponse
from perdure_runtime.admin.client import AdminClient
from perdure_runtime.cli.ground import single_file
from perdure_runtime.cli.safety import Safety
from perdure_runtime.cli.serving import serve_node
from perdure_runtime.config.sections import StorageSettings
from perdure_runtime.config.settings import Settings

from examples.external_events.app import Checkout
from examples.reliable_communication.app import MailRoom
from examples.signup_workflow.app import Signups
from examples.user_account.app import Accounts

T = TypeVar("T")
TIMEOUT_S = 30.0


class Orders(OrderServiceHandlers):
    """Takes orders; those whose card is ``broken`` fail and are tried again, those with ``none`` end badly."""

    async def process(self, ctx: perdure.Context, request: Order) -> Receipt:
        total_cents = sum(item.price_cents * item.quantity for item in request.items)
        await ctx.run("charge", charge, request.card)
        account = await UserAccountClient(ctx, request.customer).add_points(AddPointsRequest(points=total_cents // 100))
        return Receipt(order_id=request.id, total_cents=total_cents, points=account.points)


def charge(card: str) -> str:
    """A bank."""
    if card == "broken":
        raise ConnectionError("the bank does not answer <b>now</b>")
    if card == "none":
        raise perdure.TerminalError("there is no card", code=perdure.StatusCode.FAILED_PRECONDITION)
    return "charged"


ENDPOINT = perdure.Endpoint(Orders(), Accounts(), MailRoom(), Checkout(), Signups())


@dataclass(slots=True)
class Town:
    """Where the node serves, and the loop that it runs on."""

    loop: asyncio.AbstractEventLoop
    ingress: str = ""
    admin: str = ""
    endpoint: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base(self) -> str:
        """What addresses of pages begin with."""
        return f"http://{self.admin}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs something on the loop of the node."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(TIMEOUT_S)

    def send(self, orders: int, card: str = "visa", begins: str = "o") -> None:
        """Sends orders, and returns when they are accepted."""
        self.run(self._send(orders, card, begins))

    async def _send(self, orders: int, card: str, begins: str) -> None:
        async with perdure.Client(self.ingress) as client:
            service = OrderServiceClient(client)
            wanted = [Order(id=f"{begins}-{number}", customer=f"c{number % 7}", card=card) for number in range(orders)]
            for start in range(0, orders, 200):
                await asyncio.gather(*(service.process.send(order) for order in wanted[start : start + 200]))

    def add_points(self, customer: str, points: int) -> None:
        """Gives a customer points."""

        async def add() -> None:
            async with perdure.Client(self.ingress) as client:
                await UserAccountClient(client, customer).add_points(AddPointsRequest(points=points))

        self.run(add())

    def ask_to_pay(self, order_id: str) -> str:
        """Begins a payment that waits for its provider, and returns its invocation."""

        async def ask() -> str:
            async with perdure.Client(self.ingress) as client:
                request = PayRequest(order_id=order_id, cents=100, wait_for=timedelta(hours=1))
                return (await CheckoutClient(client).pay.send(request)).invocation_id

        id = self.run(ask())
        wanted = ListAwakeablesRequest(invocation_id=id)
        admin = _client(self.admin)
        self.wait_until(lambda: bool(self.run(admin.ask("ListAwakeables", wanted, ListAwakeablesResponse)).awakeables))
        return id

    def count(self, *statuses: str) -> int:
        """How many orders are in one of these statuses."""
        wanted = InvocationFilter(service="orders.v1.OrderService", statuses=statuses)
        return self.run(_client(self.admin).count(wanted))

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Waits for what nothing tells of; raises TimeoutError."""
        for _ in range(600):
            if holds():
                return
            self.run(asyncio.sleep(0.05))
        raise TimeoutError("it does not come to hold")


def _client(address: str) -> AdminClient:
    host, _, port = address.rpartition(":")
    return AdminClient(host, int(port))


async def _serve(town: Town, data: Path, begun: threading.Event) -> None:
    settings = Settings(storage=StorageSettings(data=data)).listening_on(("127.0.0.1", 0), ("127.0.0.1", 0))
    server = EndpointServer(ENDPOINT, "127.0.0.1", 0)
    await server.start()
    try:
        async with serve_node(single_file(settings), settings, Safety.of(settings)) as listening:
            town.ingress, town.admin = listening.ingress, listening.admin
            town.endpoint = f"127.0.0.1:{server.port}"
            await _client(town.admin).register(town.endpoint)
            begun.set()
            await town.ended.wait()
    finally:
        await server.close()


@contextmanager
def town(data: Path) -> Iterator[Town]:
    """The node, its data in a folder."""
    loop, begun = asyncio.new_event_loop(), threading.Event()
    made = Town(loop)
    thread = threading.Thread(target=lambda: loop.run_until_complete(_serve(made, data, begun)))
    thread.start()
    try:
        if not begun.wait(TIMEOUT_S):
            raise TimeoutError("the node does not start")
        yield made
    finally:
        loop.call_soon_threadsafe(made.ended.set)
        thread.join()
        loop.close()
