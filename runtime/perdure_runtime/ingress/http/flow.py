"""When the requests of one connection are read."""

import asyncio
from collections.abc import Sized

from uvicorn.protocols.http.flow_control import FlowControl


class Flow(FlowControl):
    """uvicorn's, but it reads no further while requests wait for their turn.

    uvicorn goes on reading with each request that it begins. A caller that writes requests faster than they are
    answered would fill the memory of the node with them.
    """

    def __init__(self, transport: asyncio.Transport, waiting: Sized) -> None:
        super().__init__(transport)
        self._waiting = waiting

    def resume_reading(self) -> None:
        """Reads on, unless requests wait."""
        if not self._waiting:
            super().resume_reading()
