"""A network that fails on purpose: between a storage and its server, at the moment at which a batch is to be kept."""

import enum
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

TIMEOUT_S = 20.0
# The message that follows the last one of a transaction.
SYNC = b"S\x00\x00\x00\x04"


class Fault(enum.Enum):
    """What happens to the next transaction, once."""

    NONE = enum.auto()
    # The connection is cut before the server gets it.
    LOSE_REQUEST = enum.auto()
    # The connection is cut for the client, and the server gets it later.
    DELAY_REQUEST = enum.auto()
    # The server has kept it, and the connection is cut before the client hears of it.
    LOSE_ANSWER = enum.auto()


class Proxy:
    """Passes bytes both ways, except what ``fault`` says; lets nobody in while ``closed``."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._delayed: dict[socket.socket, bytes] = {}
        self._late_answers: queue.Queue[bytes] = queue.Queue()
        self.port: int = self._listener.getsockname()[1]
        self.fault = Fault.NONE
        self.closed_after_fault = False
        self.closed = False

    def accept(self) -> None:
        """Serves until ``close``."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.closed:
                client.close()
                continue
            server = socket.create_connection(self._server)
            self._sockets += (client, server)
            for pump in (self._pass_requests, self._pass_answers):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def deliver(self) -> bytes:
        """Gives the server what was delayed, and returns what it answers."""
        ((server, data),) = self._delayed.items()
        server.sendall(data)
        return self._late_answers.get(timeout=TIMEOUT_S)

    def close(self) -> None:
        """Cuts all connections."""
        # Wakes up whoever waits to accept.
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._sockets:
            each.close()

    def _pass_requests(self, client: socket.socket, server: socket.socket) -> None:
        transaction = b""
        while data := _receive(client):
            if self.fault in (Fault.LOSE_REQUEST, Fault.DELAY_REQUEST):
                # It may come in pieces, and none of them must reach the server.
                transaction += data
                if SYNC not in transaction.partition(b"COMMIT")[2]:
                    continue
                is_delayed = self.fault is Fault.DELAY_REQUEST
                # Before anything is cut: who connects anew then is not struck.
                self._happen()
                if is_delayed:
                    self._delayed[server] = transaction
                else:
                    _cut(server)
                _cut(client)
                return
            if not _send(server, data):
                break
        _cut(server)

    def _pass_answers(self, client: socket.socket, server: socket.socket) -> None:
        while data := _receive(server):
            if b"COMMIT" in data and self.fault is Fault.LOSE_ANSWER:
                self._happen()
                _cut(server)
                _cut(client)
                return
            if server in self._delayed:
                self._late_answers.put(data)
            elif not _send(client, data):
                break
        _cut(client)

    def _happen(self) -> None:
        self.fault, self.closed = Fault.NONE, self.closed_after_fault


@contextmanager
def proxy_to(host: str, port: int) -> Iterator[Proxy]:
    """A proxy that runs."""
    proxy = Proxy((host, port))
    accepting = threading.Thread(target=proxy.accept, daemon=True)
    accepting.start()
    try:
        yield proxy
    finally:
        proxy.close()
        accepting.join()


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(1 << 20)
    except OSError:
        return b""


def _send(connection: socket.socket, data: bytes) -> bool:
    try:
        connection.sendall(data)
    except OSError:
        return False
    return True


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
