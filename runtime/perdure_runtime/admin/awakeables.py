"""Awakeables: what handlers wait for from outside."""

from perdure_protos.perdure.admin.v1 import state_pb2 as wire
from perdure_protos.perdure.admin.v1.invocations_pb2 import InvocationFilter

from perdure_runtime.admin.filters import Search
from perdure_runtime.admin.finding import Finder
from perdure_runtime.admin.objects import outcome_of
from perdure_runtime.admin.paging import place_of, size_of, token_of
from perdure_runtime.admin.port import Administration
from perdure_runtime.admin.readers import Readers
from perdure_runtime.admin.rows import Row
from perdure_runtime.admin.rpc import rpc
from perdure_runtime.partition.journal import Journal
from perdure_runtime.storage.views import JOURNAL_ENTRY, ViewRow, is_equal

# Those in these statuses can wait for something.
WAITING = ("running", "suspended", "backing_off", "paused")
AT_ONCE = 200


class Awakeables:
    """The rpcs about awakeables."""

    def __init__(self, node: Administration, finder: Finder, readers: Readers) -> None:
        self._readers = readers
        self._node = node
        self._finder = finder

    @rpc
    async def list_awakeables(self, request: wire.ListAwakeablesRequest) -> wire.ListAwakeablesResponse:
        """Lists the awakeables that have no result yet. Whoever knows the id of one can complete it."""
        return await self._readers.run(self._list, request)

    @rpc
    async def complete_awakeable(self, request: wire.CompleteAwakeableRequest) -> wire.CompleteAwakeableResponse:
        """Resolves or rejects an awakeable. One that has its result keeps it."""
        facts = await self._node.awakeable_type(request.id)
        result = outcome_of(request, self._finder.showing().named(facts.type, facts.service))
        await self._node.complete_awakeable(request.id, result)
        return wire.CompleteAwakeableResponse()

    def _list(self, request: wire.ListAwakeablesRequest) -> wire.ListAwakeablesResponse:
        # Awakeables of one invocation stand on one page, however many they are.
        place = place_of(request.page_token, ("",))
        wanted = InvocationFilter(service=request.service, statuses=WAITING)
        if request.invocation_id:
            wanted.ids.append(request.invocation_id)
        search = Search(self._node.survey, wanted, self._node.now_ms())
        size = size_of(request.page_size)
        answer = wire.ListAwakeablesResponse()
        after = str(place[0]) if place is not None else ""
        while True:
            rows = search.page(after, AT_ONCE, descending=False)
            with_some = self._with_awakeables([row.text("id") for row in rows])
            for row in rows:
                if len(answer.awakeables) >= size:
                    answer.next_page_token = token_of((after,))
                    return answer
                after = row.text("id")
                if after in with_some:
                    answer.awakeables.extend(self._of(row))
            if len(rows) < AT_ONCE:
                return answer

    def _with_awakeables(self, ids: list[str]) -> set[str]:
        """Those of these invocations whose journal has an awakeable."""
        found: set[str] = set()
        place: ViewRow | None = None
        conditions = (is_equal("invocation_id", *ids), is_equal("kind", "awakeable"))
        while ids:
            page = self._node.survey.scan(JOURNAL_ENTRY, conditions, place, AT_ONCE)
            found.update(Row(JOURNAL_ENTRY, values).text("invocation_id") for values in page)
            if len(page) < AT_ONCE:
                break
            place = JOURNAL_ENTRY.key_of(page[-1])
        return found

    def _of(self, row: Row) -> list[wire.Awakeable]:
        journal = Journal(self._node.survey.entries(row.text("id")))
        return [
            wire.Awakeable(
                id=id,
                invocation_id=row.text("id"),
                handler=f"{row.text('service')}/{row.text('handler')}",
                type=command.type,
            )
            for id, (ordinal, command) in journal.awakeables.items()
            if not journal.settled(ordinal)
        ]
