"""The client of blocking programs: the same calls, without asyncio."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import betterproto

from perdure import codec
from perdure.calls import BlockingCaller, BlockingInvocationHandle, Call, InvocationName
from perdure.client import Client
from perdure.errors import CallError, StatusCode, UsageError
from perdure.tls import Tls

P = ParamSpec("P")
T = TypeVar("T")
Res = TypeVar("Res", bound=betterproto.Message)
# What a closed connection does to the calls on it takes a turn or two of the loop; who still connects is cut off.
CLOSE_AFTER_S = 1.0


class SyncClient(BlockingCaller):
    """Calls handlers through the ingress of a runtime, and blocks until they have answered::

        with perdure.SyncClient("localhost:8080") as client:
            result = OrderServiceClient(client).process(order, idempotency_key=order.id)

    Any number of threads may use it at once. It does what ``Client`` does, on an event loop in a thread of its own,
    which starts with the first call; a process that was forked later starts its own. A call goes out once: see there.
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: timedelta | None = None,
        tls: Tls | bool = False,
        token: str | Callable[[], str] = "",
    ) -> None:
        """Calls the runtime whose ingress is at "host:port" or "https://host:port".

        Args:
            address: Where the ingress listens; with "https://" it is called with TLS.
            timeout: How long each call waits for its result; None waits as long as it takes. The invocation goes on.
            tls: Calls with TLS: as it says, or with True as the system does.
            token: An API key, or a token of an identity provider; or what gives the token of the moment.

        Raises:
            UsageError: The address, the timeout or a file of TLS makes no sense.
        """
        self._client = partial(Client, address, timeout=timeout, tls=tls, token=token)
        self._background = _Background(self._client())
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnects. Calls of other threads that still wait raise CallError; what was accepted goes on."""
        self._background.close()

    def handle(self, invocation_id: str, response: type[Res]) -> BlockingInvocationHandle[Res]:
        """The handle of an invocation whose id is known, such as from a ``CallError``, and whose handler gives
        ``response``."""
        return BlockingInvocationHandle(self, invocation_id, partial(codec.decode, response))

    def resolve_awakeable(self, awakeable_id: str, message: betterproto.Message) -> None:
        """Gives a handler what it waits for: ``message`` becomes the result of its ``ctx.awakeable(type(message))``.

        The first result stays: resolving again is safe, and changes nothing.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable, or INVALID_ARGUMENT: it takes another message.
            CallError: Whether the awakeable has its result is not known.
        """
        background = self._running()
        background.run(background.client.resolve_awakeable, awakeable_id, message)

    def reject_awakeable(self, awakeable_id: str, message: str, code: StatusCode = StatusCode.UNKNOWN) -> None:
        """Tells a handler that what it waits for does not come: its awakeable raises a ``TerminalError``.

        Args:
            awakeable_id: Of the awakeable.
            message: The message of the error.
            code: The code of the error.

        Raises:
            TerminalError: NOT_FOUND: there is no such awakeable.
            CallError: Whether the awakeable has its result is not known.
            UsageError: The code is OK.
        """
        background = self._running()
        background.run(background.client.reject_awakeable, awakeable_id, message, code)

    def _call(self, call: Call[T]) -> T:
        background = self._running()
        return background.run(background.client._call, call)

    def _send(self, call: Call[T]) -> BlockingInvocationHandle[T]:
        background = self._running()
        handle = background.run(background.client._send, call)
        return BlockingInvocationHandle(self, handle.invocation_id, call.read)

    def _attach(self, name: InvocationName, read: Callable[[bytes], T]) -> T:
        background = self._running()
        return background.run(background.client._attach, name, read)

    def _output(self, name: InvocationName, read: Callable[[bytes], T]) -> T | None:
        background = self._running()
        return background.run(background.client._output, name, read)

    def _cancel(self, name: InvocationName) -> None:
        background = self._running()
        background.run(background.client._cancel, name)

    def _signal(self, name: InvocationName, signal: str, payload: bytes) -> None:
        background = self._running()
        background.run(background.client._signal, name, signal, payload)

    def _running(self) -> "_Background":
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            raise UsageError(
                "a SyncClient would block the event loop that runs here: use `async with perdure.Client(...)` and "
                "await its calls, or call it in a thread, such as with asyncio.to_thread"
            )
        with self._lock:
            if self._background.process != os.getpid():
                # The threads of a process stay behind when it forks.
                self._background = _Background(self._client())
            return self._background


class _Background:
    """An event loop in a thread, with a client in it."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.process = os.getpid()
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._closed = False

    def run(self, function: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a coroutine function there, and waits. Raises what it raises."""
        with self._lock:
            # Under the lock: what was submitted before close() is ended by it.
            loop = self._started()
            waiting: Future[T] = asyncio.run_coroutine_threadsafe(function(*args, **kwargs), loop)
        try:
            return waiting.result()
        except CancelledError as error:
            raise CallError("the client was closed before the call had an answer", StatusCode.CANCELLED) from error
        finally:
            # After a KeyboardInterrupt nobody waits any more.
            waiting.cancel()

    def close(self) -> None:
        """Ends the calls and the thread."""
        with self._lock:
            first, self._closed = not self._closed, True
        if self._thread is None or self.process != os.getpid():
            return
        if first and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise UsageError("the SyncClient is closed: make a new one, or call within its `with` block")
        if self._thread is None:
            self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True, name="perdure")
            self._thread.start()
            self._ready.wait()
        assert self._loop is not None
        return self._loop

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()
        await self.client.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if left:
            await asyncio.wait(left, timeout=CLOSE_AFTER_S)
