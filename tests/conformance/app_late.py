"""An endpoint that comes late: calls of its handlers wait for it."""

import perdure
from conformance.v1 import LateHandlers, Text


class Late(LateHandlers):
    """Answers what was asked before it was there."""

    async def answer(self, ctx: perdure.Context, request: Text) -> Text:
        return request


app = perdure.Endpoint(Late())
