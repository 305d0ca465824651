"""Journals: every command of a handler, and what came back."""

from perdure_protos.perdure.admin.v1.invocations_pb2 import GetJournalRequest, GetJournalResponse

from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.paging import size_of
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rpc import rpc


class Journals:
    """The rpcs about journals."""

    def __init__(self, finder: Finder, readers: Readers) -> None:
        self._readers = readers
        self._finder = finder

    @rpc
    async def get_journal(self, request: GetJournalRequest) -> GetJournalResponse:
        """Shows the journal of an invocation: each command with what it was completed with, and when."""
        return await self._readers.run(self._journal, request)

    def _journal(self, request: GetJournalRequest) -> GetJournalResponse:
        row = self._finder.row(request.invocation_id)
        timeline, length = self._finder.timeline(row)
        last = min(length, request.from_index + size_of(request.limit, default=1_000))
        entries = [timeline.shown(index) for index in range(request.from_index, last)]
        return GetJournalResponse(entries=entries, length=length)
