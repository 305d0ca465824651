"""What operators do: the admin client of a node, and waiting until an invocation is in a state."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TypeVar

from perdure_protos.perdure.admin.v1.invocations_pb2 import Invocation
from perdure_runtime.admin.client import AdminClient

T = TypeVar("T")
TIMEOUT_S = 20.0


class Operator:
    """Asks the admin API of a node, and blocks until it has answered. All methods raise AdminRefused."""

    def __init__(self, host: str, port: int) -> None:
        self._admin = AdminClient(host, port)

    def pause(self, invocation_id: str) -> None:
        """Stops an invocation until it is resumed."""
        _run(self._admin.pause(invocation_id))

    def resume(self, invocation_id: str, *, on_newest: bool = False) -> None:
        """Tries a paused invocation again."""
        _run(self._admin.resume(invocation_id, on_newest=on_newest))

    def cancel(self, invocation_id: str) -> None:
        """Asks an invocation to end."""
        _run(self._admin.cancel(invocation_id))

    def kill(self, invocation_id: str) -> None:
        """Ends an invocation."""
        _run(self._admin.kill(invocation_id))

    def restart(self, invocation_id: str, from_entry: int = 0) -> str:
        """Runs an ended invocation again; gives the id of the new one."""
        return _run(self._admin.restart(invocation_id, from_entry))

    def purge(self, invocation_id: str) -> None:
        """Forgets an ended invocation."""
        _run(self._admin.purge(invocation_id))

    def invocation(self, invocation_id: str) -> Invocation:
        """An invocation as it is now."""
        return _run(self._admin.invocation(invocation_id))

    def journal(self, invocation_id: str) -> list[str]:
        """Its journal in words."""
        return [entry.summary for entry in _run(self._admin.journal(invocation_id)).entries]

    def wait_for_status(self, invocation_id: str, status: str) -> Invocation:
        """Waits until an invocation has a status. The admin API has no way to be told: it is asked again."""
        shown = self.invocation(invocation_id)
        deadline = time.monotonic() + TIMEOUT_S
        while shown.status != status:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{invocation_id} is not {status} after {TIMEOUT_S:g} s: {shown}")
            time.sleep(0.01)
            shown = self.invocation(invocation_id)
        return shown


def eventually(holds: Callable[[], bool]) -> bool:
    """Asks again until it holds, for what nobody announces, such as the end of a retention."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _run(asked: Coroutine[None, None, T]) -> T:
    return asyncio.run(asked)
