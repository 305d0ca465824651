"""A node that lets in only whom it knows, over TLS, in a thread of the test."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from perdure_runtime.admin.server import AdminServer
from perdure_runtime.admin.service import AdminService
from perdure_runtime.ingress.server import Ingress
from perdure_runtime.node.node import Node
from perdure_runtime.security.guard import Guard
from perdure_runtime.security.settings import AuthSettings, ListenerTls
from perdure_runtime.security.tls import listener_context
from perdure_runtime.storage.memory import MemoryStorage

from tests.security.authority import Authority


@contextmanager
def gate(authority: Authority, auth: AuthSettings) -> Iterator[tuple[str, str]]:
    """Where its ingress and its admin API are. Whoever connects must show a certificate of the authority too."""
    own = authority.give("localhost")
    tls = listener_context(ListenerTls(certificate=own.certificate, key=own.key, client_ca=authority.ca))
    loop, stop, started = asyncio.new_event_loop(), asyncio.Event(), threading.Event()
    ports: list[int] = []

    async def serve() -> None:
        node, guard = Node(MemoryStorage()), Guard.of(auth)
        await node.start()
        admin = AdminServer(AdminService(node.administration), "127.0.0.1", 0, tls=tls, guard=guard)
        ingress = Ingress(node.router, "127.0.0.1", 0, tls=tls, guard=guard)
        await admin.start()
        await ingress.start()
        ports.extend((ingress.port, admin.port))
        started.set()
        await stop.wait()
        await asyncio.gather(ingress.close(0), admin.close(0))
        await node.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(20)
    try:
        yield f"localhost:{ports[0]}", f"localhost:{ports[1]}"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
