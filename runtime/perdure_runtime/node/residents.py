"""The invocations in the partitions of this node, for its router and its peers."""

from collections.abc import Awaitable, Callable

from perdure_runtime.invoker.invoker import Invoker
from perdure_runtime.node.calls import Calls
from perdure_runtime.node.clock import ClockMs
from perdure_runtime.node.operations import Operations
from perdure_runtime.node.shares import Shares


class Residents(Calls, Operations):
    """Implements ``peer.port.Residents``."""

    def __init__(
        self,
        shares: Shares,
        invoker: Invoker,
        clock_ms: ClockMs,
        entropy: Callable[[int], int],
        refresh: Callable[[], Awaitable[None]],
    ) -> None:
        """``refresh`` reads which deployments there are."""
        Calls.__init__(self, shares, invoker)
        Operations.__init__(self, shares, clock_ms, entropy)
        self._refresh = refresh

    async def refresh(self) -> None:
        """Reads which deployments there are; returns once this node routes by them. Raises StorageFailure."""
        await self._refresh()
