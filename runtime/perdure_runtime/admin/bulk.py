"""The same done to many invocations: a page of them each time it is asked for."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from grpclib.const import Status
from perdure_protos.perdure.admin.v1.invocations_pb2 import (
    ActOnInvocationsRequest,
    ActOnInvocationsResponse,
    BulkAction,
)

from perdure_runtime.admin.filters import Search
from perdure_runtime.admin.paging import place_of, size_of, token_of
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rows import Row
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.ingress.port import NotAccepted, UnknownInvocation, WrongStatus
from perdure_runtime.ingress.refusal import Refusal
from perdure_runtime.storage.api import StorageFailure

# So many are acted on at once: their writes share commits, and calls get through between them.
AT_ONCE = 64
MOST_LISTED = 100


class Bulk:
    """The rpc that acts on many."""

    def __init__(self, node: Administration, readers: Readers) -> None:
        self._readers = readers
        self._node = node
        self._actions: Mapping[int, Callable[[str], Awaitable[object]]] = {
            BulkAction.CANCEL: node.cancel,
            BulkAction.KILL: node.kill,
            BulkAction.PAUSE: node.pause,
            BulkAction.RESUME: lambda id: node.resume(id, on_newest=False),
            BulkAction.RESUME_ON_NEWEST: lambda id: node.resume(id, on_newest=True),
            BulkAction.RESTART: lambda id: node.restart(id, 0),
            BulkAction.PURGE: node.purge,
        }

    @rpc
    async def act_on_invocations(self, request: ActOnInvocationsRequest) -> ActOnInvocationsResponse:
        """Does the same to the invocations that fit a filter: a page of them, the oldest first."""
        act = self._actions.get(request.action)
        if act is None:
            known = ", ".join(name for name, number in BulkAction.items() if number in self._actions)
            raise Refusal(Status.INVALID_ARGUMENT, f"no action is given; say what to do: {known}")
        place = place_of(request.page_token, ("", 0))
        after, began_ms = (str(place[0]), int(place[1])) if place is not None else ("", self._node.now_ms())
        size = size_of(request.page_size, default=500)
        rows = await self._readers.run(self._page, request, after, began_ms, size)
        answer = ActOnInvocationsResponse(
            next_page_token=token_of((rows[size - 1].text("id"), began_ms)) if len(rows) > size else ""
        )
        gate = asyncio.Semaphore(AT_ONCE)
        for refusal in await asyncio.gather(*(_one(gate, act, row.text("id")) for row in rows[:size])):
            if refusal is None:
                answer.done += 1
                continue
            answer.refused += 1
            if len(answer.refusals) < MOST_LISTED:
                answer.refusals.append(refusal)
        return answer

    def _page(self, request: ActOnInvocationsRequest, after: str, began_ms: int, size: int) -> list[Row]:
        # What begins after the first page was asked for is not meant. Restarted ones would be met again without end,
        # those too that began within the same millisecond.
        until_ms = began_ms - 1 if request.action == BulkAction.RESTART else began_ms
        search = Search(self._node.survey, request.filter, began_ms, until_ms)
        return search.page(after, size + 1, descending=False)


async def _one(
    gate: asyncio.Semaphore, act: Callable[[str], Awaitable[object]], invocation_id: str
) -> ActOnInvocationsResponse.Refusal | None:
    """Acts on one, and says why where it could not."""
    async with gate:
        try:
            await act(invocation_id)
        except UnknownInvocation:
            # It was forgotten since the page was read.
            return _refusal(invocation_id, "it is not there any more")
        except (WrongStatus, NotAccepted, StorageFailure) as error:
            return _refusal(invocation_id, str(error))
    return None


def _refusal(invocation_id: str, reason: str) -> ActOnInvocationsResponse.Refusal:
    return ActOnInvocationsResponse.Refusal(invocation_id=invocation_id, reason=reason)
