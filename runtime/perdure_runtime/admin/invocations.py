"""Invocations: found by filter, shown, and stopped or set going again one by one."""

from perdure_protos.perdure.admin.v1 import invocations_pb2 as wire

from perdure_runtime.admin.filters import Search
from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.paging import place_of, size_of, token_of
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rpc import rpc

# Counting goes so far where nobody says how far.
MOST_COUNTED = 1_000_000


class Invocations:
    """The rpcs about invocations."""

    def __init__(self, node: Administration, finder: Finder, readers: Readers) -> None:
        self._readers = readers
        self._node = node
        self._finder = finder

    @rpc
    async def list_invocations(self, request: wire.ListInvocationsRequest) -> wire.ListInvocationsResponse:
        """Lists the invocations that fit a filter, a page at a time, the newest first."""
        return await self._readers.run(self._list, request)

    def _list(self, request: wire.ListInvocationsRequest) -> wire.ListInvocationsResponse:
        place = place_of(request.page_token, ("", 0))
        after, now_ms = (str(place[0]), int(place[1])) if place is not None else ("", self._node.now_ms())
        size = size_of(request.page_size)
        search = Search(self._node.survey, request.filter, now_ms)
        rows = search.page(after, size + 1, descending=not request.oldest_first)
        showing = self._finder.showing()
        return wire.ListInvocationsResponse(
            invocations=[self._finder.listed(row, showing) for row in rows[:size]],
            next_page_token=token_of((rows[size - 1].text("id"), now_ms)) if len(rows) > size else "",
        )

    @rpc
    async def count_invocations(self, request: wire.CountInvocationsRequest) -> wire.CountInvocationsResponse:
        """Counts the invocations that fit a filter."""
        search = Search(self._node.survey, request.filter, self._node.now_ms())
        return wire.CountInvocationsResponse(count=await self._readers.run(search.count, request.limit or MOST_COUNTED))

    @rpc
    async def get_invocation(self, request: wire.GetInvocationRequest) -> wire.Invocation:
        """Shows an invocation with its input, its output or error, and what can be done about it."""
        return await self._readers.run(lambda: self._finder.whole(self._finder.row(request.invocation_id)))

    @rpc
    async def resume_invocation(self, request: wire.ResumeInvocationRequest) -> wire.ResumeInvocationResponse:
        """Tries a paused invocation again, by the deployment that wrote its journal or by the newest."""
        await self._node.resume(request.invocation_id, on_newest=request.on_newest)
        return wire.ResumeInvocationResponse()

    @rpc
    async def pause_invocation(self, request: wire.PauseInvocationRequest) -> wire.PauseInvocationResponse:
        """Stops an invocation where it is, until it is resumed."""
        await self._node.pause(request.invocation_id)
        return wire.PauseInvocationResponse()

    @rpc
    async def cancel_invocation(self, request: wire.CancelInvocationRequest) -> wire.CancelInvocationResponse:
        """Asks an invocation to end, the ones that it has called first; their handlers undo what they did."""
        await self._node.cancel(request.invocation_id)
        return wire.CancelInvocationResponse()

    @rpc
    async def kill_invocation(self, request: wire.KillInvocationRequest) -> wire.KillInvocationResponse:
        """Ends an invocation and all that it has called, at once and without their handlers."""
        await self._node.kill(request.invocation_id)
        return wire.KillInvocationResponse()

    @rpc
    async def restart_invocation(self, request: wire.RestartInvocationRequest) -> wire.RestartInvocationResponse:
        """Runs an ended invocation again as a new one, from its beginning or with a part of its journal."""
        new = await self._node.restart(request.invocation_id, request.from_entry)
        return wire.RestartInvocationResponse(invocation_id=new)

    @rpc
    async def purge_invocation(self, request: wire.PurgeInvocationRequest) -> wire.PurgeInvocationResponse:
        """Forgets an ended invocation now."""
        await self._node.purge(request.invocation_id)
        return wire.PurgeInvocationResponse()
